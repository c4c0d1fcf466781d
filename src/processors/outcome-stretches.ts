import type { KeyValueStore } from '#engine';
import { crossKey } from '#features';
import type { Outcome, RecentOutcomes } from '#schemas';
import type { OutcomeWindow } from './labels.ts';

/**
 * What users have done, in a store by user and stretch of the events' own time: most examples look into one stretch or two,
 * and the outcomes of a session are one record of the changelog. By user and item each was a record of its own, with
 * another for its end: 9 us more an event.
 */
export function outcomeStretches(stretchMs: number) {
  const keyAt = (user: string, stretch: number): string => crossKey(user, String(stretch));
  const keyOf = (user: string, ownMs: number): string => keyAt(user, Math.floor(ownMs / stretchMs));
  /** Of the stretches that a window touches. */
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
    ofItem: (
      stretches: KeyValueStore<RecentOutcomes>,
      user: string,
      item: string,
      window: OutcomeWindow,
    ): Outcome[] => {
      const found: Outcome[] = [];
      for (const key of keysOf(user, window)) {
        const stretch = stretches.get(key);
        if (stretch === undefined) continue;
        for (const outcome of stretch.events) if (outcome.item_id === item) found.push(outcome);
      }
      return found;
    },
    add: (stretches: KeyValueStore<RecentOutcomes>, user: string, outcome: Outcome): void => {
      const key = keyOf(user, outcome.own_ts);
      const stretch = stretches.get(key) ?? { events: [] };
      stretches.put(key, stretch, outcome.ts);
      // Last: what is put is the store's own list, with one more.
      stretch.events.push(outcome);
    },
  };
}
