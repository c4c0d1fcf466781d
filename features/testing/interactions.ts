import fc from 'fast-check';
import type { Interaction } from '#schemas';
import { interactionKinds } from '../interest.ts';

const HOUR_MS = 3_600_000;
/** 2025-01-01, where the events of these tests are around. */
export const EPOCH_MS = 1_735_689_600_000;

/**
 * Timestamps that collide, that fall on and around bucket boundaries, and that lie minutes to years apart: each
 * scale is where another rule of the time buckets decides.
 */
export const timestamps: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 3 }).map((ms) => EPOCH_MS + ms),
  fc.integer({ min: -5 * HOUR_MS, max: 5 * HOUR_MS }).map((ms) => EPOCH_MS + ms),
  fc.integer({ min: 0, max: 600 }).map((hours) => EPOCH_MS + hours * HOUR_MS),
  fc.integer({ min: 0, max: 400 * 24 * HOUR_MS }).map((ms) => EPOCH_MS + ms),
  fc.integer({ min: -2 * HOUR_MS, max: 100 * HOUR_MS }),
);

/** Ids that collide, that differ in bytewise and UTF-16 order, and that take one to four bytes a character. */
export const itemIds: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 12 }).map((id) => `i${id}`) },
  { weight: 1, arbitrary: fc.constantFrom('', 'é', '\u{1f600}', '\uff5e', 'x'.repeat(41), 'ü'.repeat(200)) },
);

/** Interactions with the values that admission lets through; two of them may have one event id, rarely. */
export const interactions: fc.Arbitrary<Interaction> = fc
  .record({
    user: fc.integer({ min: 1, max: 3 }),
    item: itemIds,
    kind: fc.constantFrom(...interactionKinds),
    value: fc.option(fc.double({ min: 0, max: 5, noNaN: true }), { nil: null }),
    watchMs: fc.option(fc.integer({ min: 0, max: 86_400_000 }), { nil: null }),
    ts: timestamps,
    id: fc.integer({ min: 0, max: 2 ** 40 }),
  })
  .map(({ user, item, kind, value, watchMs, ts, id }) =>
    interaction({
      event_id: `e${id}`,
      user_id: `u${user}`,
      item_id: item,
      kind,
      value,
      watch_ms: watchMs,
      ts,
    }),
  );

/** An interaction with the fields given; the others say nothing. A search names no item. */
export function interaction(fields: Partial<Interaction>): Interaction {
  const event: Interaction = {
    event_id: 'e1',
    user_id: 'u1',
    item_id: 'i1',
    kind: 'view',
    value: null,
    watch_ms: null,
    session_id: null,
    request_id: null,
    context: { device: null, country: null, language: null },
    ts: EPOCH_MS,
    original_ts: null,
    item: null,
    ...fields,
  };
  return event.kind === 'search' ? { ...event, item_id: null } : event;
}
