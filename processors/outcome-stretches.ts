import type { KeyValueStore } from '#engine';
import { crossKey } from '#features';
import type { Outcome, RecentOutcomes } from '#schemas';
import type { OutcomeWindow } from './labels.ts';

/** In the row of a stretch: a person's sessions have fewer. */
const OWN_OUTCOMES = 64;
/** Rows by item, for what comes beyond that; this many outcomes each. */
const SHARDS = 256;
const SHARD_OUTCOMES = 48;

type Stretches = KeyValueStore<RecentOutcomes>;

/**
 * What users have done, in a store by user and stretch of the events' own time: most examples look into one stretch or two,
 * and the outcomes of a session are one record of the changelog. By user and item each was a record of its own, with
 * another for its end: 9 us more an event. A row is written whole, so it is bounded: who does more in a stretch has further
 * rows, by a hash of the item, and what these can't take is left out of labels.
 */
export function outcomeStretches(stretchMs: number) {
  const keyAt = (user: string, stretch: number): string => crossKey(user, String(stretch));
  const keyOf = (user: string, ownMs: number): string => keyAt(user, Math.floor(ownMs / stretchMs));
  /** Keys of the stretches that a window touches. */
  const keysOf = (user: string, { fromMs, toMs }: OutcomeWindow): string[] => {
    const keys: string[] = [];
    const last = Math.floor(toMs / stretchMs);
    for (let at = Math.floor(fromMs / stretchMs); at <= last; at++) keys.push(keyAt(user, at));
    return keys;
  };
  return {
    keyOf,
    keysOf,
    /** What the user did with the item, of the stretches that a window touches; in one stretch in the order of admission. */
    ofItem: (stretches: Stretches, user: string, item: string, window: OutcomeWindow): Outcome[] => {
      const found: Outcome[] = [];
      for (const key of keysOf(user, window)) {
        const stretch = stretches.get(key);
        if (stretch === undefined) continue;
        const further = isFull(stretch) ? stretches.get(shardKey(key, item)) : undefined;
        for (const { events } of [stretch, further ?? { events: [] }])
          for (const outcome of events) if (outcome.item_id === item) found.push(outcome);
      }
      return found;
    },
    /** False where the user has done too much for it. */
    add: (stretches: Stretches, user: string, outcome: Outcome): boolean => {
      const own = keyOf(user, outcome.own_ts);
      const stretch = stretches.get(own) ?? { events: [] };
      const key = isFull(stretch) ? shardKey(own, outcome.item_id) : own;
      const row = key === own ? stretch : (stretches.get(key) ?? { events: [] });
      if (key !== own && row.events.length >= SHARD_OUTCOMES) return false;
      stretches.put(key, row, outcome.ts);
      // Last: what is put is the store's own list, with one more.
      row.events.push(outcome);
      return true;
    },
  };
}

function isFull({ events }: RecentOutcomes): boolean {
  return events.length >= OWN_OUTCOMES;
}

function shardKey(stretchKey: string, item: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < item.length; i++) hash = Math.imul(hash ^ item.charCodeAt(i), 0x01000193);
  return `${stretchKey} ${(hash >>> 0) % SHARDS}`;
}
