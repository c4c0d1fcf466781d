import { defineProcessor, port, type Serde } from '#engine';
import { InputError } from '#platform';
import type { Interaction, RecentEvents } from '#schemas';
import { invalidReason } from './validity.ts';

export type AdmissionOptions = {
  /** How long an event id is remembered, in event time; an event older than that can't be told from a duplicate. */
  readonly dedupHorizonMs: number;
  /** How far ahead of the wall clock an event may be. */
  readonly futureMs: number;
  /** Told the fate of each event that is neither refused nor simply let through. */
  readonly count: (outcome: 'accepted' | 'duplicate' | 'clamped') => void;
};

/**
 * The one place where decisions are made that depend on arrival or on the wall clock: duplicate, too late, from the
 * future. They are written down by what it lets through, so every view, live or rebuilt, sees the same events, each
 * at or after the watermark. A late event is moved up to the watermark and keeps its own time in `original_ts`.
 */
export function admission(options: AdmissionOptions, recentEvents: Serde<RecentEvents>) {
  return defineProcessor({
    inputs: { interactions: port<string, Interaction>() },
    outputs: { accepted: port<string, Interaction>() },
    stores: { recent: { value: recentEvents } },
    dependsOnArrival: true,
    process: {
      interactions: ({ key, value: event, watermark }, { stores, emit, wallNow }) => {
        refuseInvalid(event, key);
        if (event.ts > wallNow + options.futureMs) {
          throw new InputError('MR_EVENT_FUTURE', `the event lies ${event.ts - wallNow} ms in the future`);
        }
        // By the watermark, as the refusal below: an id is forgotten when its twin would be refused as too late.
        const remembered = stores.recent.get(key)?.events ?? [];
        const events = remembered.filter(({ ts }) => ts >= watermark - options.dedupHorizonMs);
        if (events.some(({ event_id }) => event_id === event.event_id)) return options.count('duplicate');
        if (event.ts < watermark - options.dedupHorizonMs) {
          throw new InputError(
            'MR_EVENT_TOO_LATE',
            `the event is ${watermark - event.ts} ms behind the watermark`,
          );
        }
        const isLate = event.ts < watermark;
        const admitted = isLate ? { ...event, ts: watermark, original_ts: event.ts } : event;
        events.push({ event_id: event.event_id, ts: admitted.ts });
        stores.recent.put(key, { events }, admitted.ts);
        emit('accepted', key, admitted, admitted.ts);
        options.count(isLate ? 'clamped' : 'accepted');
      },
    },
  });
}

function refuseInvalid(event: Interaction, key: string): void {
  const reason =
    event.user_id === key
      ? invalidReason(event)
      : `the record's key is not the user's id, by which the topic is keyed`;
  if (reason !== undefined) throw new InputError('MR_EVENT_INVALID', reason);
}
