import { defineProcessor, port, type Serde } from '#engine';
import { InputError } from '#platform';
import type { Interaction, RecentEvents, UserPrivacy } from '#schemas';
import { bodyHash } from './body-hash.ts';
import { Outages } from './outages.ts';
import { SeenIds } from './seen-ids.ts';
import { invalidReason } from './validity.ts';

export type AdmissionOptions = {
  /** How far out of order producers' events may be. */
  readonly latenessMs: number;
  /** How long an event id is remembered, in event time; an event older than that can't be told from a duplicate. */
  readonly dedupHorizonMs: number;
  /** How far ahead of the wall clock an event may be. */
  readonly futureMs: number;
  /** Whether users may be named so on this log; absent, every valid id is a name. */
  readonly isUserName?: (userId: string) => boolean;
  /**
   * Told the fate of each event that goes no further, unless it goes to the dead letters; and of those whose time is moved
   * up, which are late since nobody could publish for a while.
   */
  readonly count: (outcome: 'duplicate' | 'conflicting' | 'opted-out' | 'erased' | 'late-by-outage') => void;
};

/**
 * The one place where decisions are made that depend on arrival or on the wall clock: duplicate, too late, from the
 * future, of a user who has opted out. They are written down by what it lets through, so every view, live or rebuilt,
 * sees the same events, each at or after the watermark. A late event is moved up to the watermark and keeps its own time
 * in `original_ts`. What users decide goes on to the views, which then forget them; an erasure is the last decision.
 */
export function admission(
  options: AdmissionOptions,
  recentEvents: Serde<RecentEvents>,
  privacy: { readonly name: string; readonly value: Serde<UserPrivacy> },
) {
  const outages = new Outages(options.latenessMs);
  return defineProcessor({
    inputs: { interactions: port<string, Interaction>(), privacy: port<string, UserPrivacy | null>() },
    outputs: { accepted: port<string, Interaction>(), decisions: port<string, UserPrivacy>() },
    stores: {
      recent: { value: recentEvents },
      privacy: { value: privacy.value, copyOf: privacy.name },
    },
    dependsOnArrival: true,
    process: {
      interactions: ({ key, value: event }, { stores, emit, wallNow, watermark }) => {
        outages.arrived(wallNow);
        refuseInvalid(event, key);
        if (options.isUserName?.(key) === false) throw notAPseudonym();
        const status = stores.privacy.get(key)?.status ?? 'opted_in';
        if (status !== 'opted_in') return options.count(status === 'erased' ? 'erased' : 'opted-out');
        if (event.ts > wallNow + options.futureMs) {
          throw new InputError('MR_EVENT_FUTURE', `the event lies ${event.ts - wallNow} ms in the future`);
        }
        // By the watermark, as the refusal below: an id is forgotten when its twin would be refused as too late.
        const fromMs = watermark - options.dedupHorizonMs;
        const seen = new SeenIds(stores.recent, key, fromMs);
        const body = bodyHash(event);
        const twin = seen.bodyOf(event.event_id);
        if (twin !== undefined) return options.count(twin === body ? 'duplicate' : 'conflicting');
        if (event.ts < fromMs) {
          throw new InputError(
            'MR_EVENT_TOO_LATE',
            `the event is ${watermark - event.ts} ms behind the watermark`,
          );
        }
        const admitted = admittedAt(event, watermark);
        if (admitted.ts > event.ts && outages.cover(event.ts)) options.count('late-by-outage');
        seen.add(event.event_id, admitted.ts, body);
        emit('accepted', key, admitted, admitted.ts);
      },
      privacy: ({ key, value, timestamp }, { stores, emit, watermark }) => {
        const before = stores.privacy.get(key)?.status ?? 'opted_in';
        // Whatever is written after an erasure was decided before it, or by someone who cannot know of it.
        if (before === 'erased' && value?.status !== 'erased') return;
        if (value === null) stores.privacy.delete(key, timestamp);
        else stores.privacy.put(key, value, timestamp);
        if (value?.status === 'erased') new SeenIds(stores.recent, key, 0).forget(timestamp);
        // At the watermark: the views take it in before the events that are admitted from now on.
        const decision = value ?? { user_id: key, status: 'opted_in', ts: timestamp };
        if (decision.status === 'opted_in' && before === 'opted_in') return;
        emit('decisions', key, decision, Math.max(0, watermark));
      },
    },
  });
}

/** The event at its own time, or, where the watermark has passed that, at the watermark. */
function admittedAt(event: Interaction, watermark: number): Interaction {
  if (event.ts < watermark) return { ...event, ts: watermark, original_ts: event.ts };
  return event.original_ts === null ? event : { ...event, original_ts: null };
}

/** Nobody would find the user under that name: requests name users by id, and lookups use pseudonyms. */
function notAPseudonym(): InputError {
  return new InputError('MR_EVENT_NOT_PSEUDONYM', 'the event does not name its user by a pseudonym', {
    hint: 'Get pseudonyms from POST /pseudonyms before publishing, or set privacy.userIds to as-given on a new log.',
  });
}

function refuseInvalid(event: Interaction, key: string): void {
  const reason =
    event.user_id === key
      ? invalidReason(event)
      : `the record's key is not the user's id, which keys the topic`;
  if (reason !== undefined) throw new InputError('MR_EVENT_INVALID', reason);
}
