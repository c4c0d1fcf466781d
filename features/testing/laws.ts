/** The laws of aggregation.ts as one property, for aggregations, whole views, and whatever else claims to obey them. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { errorCode } from '#platform';
import type { Aggregation } from '../aggregation.ts';
import { CanonicalReader, CanonicalWriter } from '../encoding.ts';

/** A FeatureView has this shape; an aggregation gets it from `standalone`. */
export type Lawful<State, Event> = {
  empty(): State;
  add(state: State, event: Event): State;
  merge(a: State, b: State): State;
  encode(state: State): Buffer;
  decode(bytes: Buffer): State;
  finish(state: State, now: number): unknown;
};

export function standalone<State, Event>(
  aggregation: Aggregation<State, Event, unknown>,
): Lawful<State, Event> {
  return {
    empty: () => aggregation.empty(),
    add: (state, event) => aggregation.add(state, event),
    merge: (a, b) => aggregation.merge(a, b),
    finish: (state, now) => aggregation.finish(state, now),
    encode: (state) => {
      const writer = new CanonicalWriter();
      aggregation.encode(writer, state);
      return writer.take();
    },
    decode: (bytes) => {
      const reader = new CanonicalReader(bytes);
      const state = aggregation.decode(reader);
      reader.end();
      return state;
    },
  };
}

export function fold<State, Event>(subject: Lawful<State, Event>, events: readonly Event[]): State {
  return events.reduce((state, event) => subject.add(state, event), subject.empty());
}

/** Events, a permutation of them, the permutation dealt out to parts, and a way to pair the parts. */
function arrangements<Event>(event: fc.Arbitrary<Event>, maxLength: number) {
  return fc.array(event, { maxLength, size: 'max' }).chain((events) =>
    fc.record({
      events: fc.constant(events),
      shuffled: fc.shuffledSubarray(events, { minLength: events.length }),
      parts: fc.array(fc.nat({ max: 3 }), { minLength: events.length, maxLength: events.length }),
      pairing: fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
      now: fc.integer({ min: 0, max: 4e12 }),
      damage: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 3, maxLength: 3 }),
    }),
  );
}

export function assertLaws<State, Event>(
  subject: Lawful<State, Event>,
  event: fc.Arbitrary<Event>,
  { runs = 300, maxLength = 60 }: { runs?: number; maxLength?: number } = {},
): void {
  fc.assert(
    fc.property(arrangements(event, maxLength), ({ events, shuffled, parts, pairing, now, damage }) => {
      const state = fold(subject, events);
      const bytes = subject.encode(state);
      const row = subject.finish(state, now);
      assert.deepEqual(subject.encode(state), bytes, 'encode and finish change nothing');

      assert.deepEqual(subject.encode(fold(subject, shuffled)), bytes, 'any permutation');
      assert.deepEqual(subject.encode(foldInBatches(subject, shuffled, parts)), bytes, 'any batches');
      assert.deepEqual(subject.encode(mergeParts(subject, shuffled, parts, pairing)), bytes, 'merged parts');
      assert.deepEqual(subject.encode(subject.merge(state, subject.empty())), bytes, 'right identity');
      assert.deepEqual(subject.encode(subject.merge(subject.empty(), state)), bytes, 'left identity');

      const decoded = subject.decode(bytes);
      assert.deepEqual(subject.encode(decoded), bytes, 'round trip');
      assert.deepEqual(subject.finish(decoded, now), row, 'the row of decoded bytes');
      assertCutBytesAreRefused(subject, bytes);
      assertDamagedBytesAreCanonical(subject, bytes, damage);
      assertMergeIsPure(subject, events);
    }),
    { numRuns: runs },
  );
}

/** Between batches the state goes through its bytes, as it does at a restart. */
function foldInBatches<State, Event>(
  subject: Lawful<State, Event>,
  events: readonly Event[],
  parts: readonly number[],
): State {
  let state = subject.empty();
  events.forEach((event, index) => {
    if (parts[index] === 0) state = subject.decode(subject.encode(state));
    state = subject.add(state, event);
  });
  return state;
}

/** Folds each part by itself, then merges two of the states, chosen by `pairing`, until one is left. */
function mergeParts<State, Event>(
  subject: Lawful<State, Event>,
  events: readonly Event[],
  parts: readonly number[],
  pairing: readonly number[],
): State {
  const states = [0, 1, 2, 3].map((part) =>
    fold(
      subject,
      events.filter((_, index) => parts[index] === part),
    ),
  );
  for (const choice of pairing) {
    const [left] = states.splice(choice % states.length, 1) as [State];
    const other = Math.floor(choice / 7) % states.length;
    states[other] = subject.merge(left, states[other] as State);
  }
  return states[0] as State;
}

function assertCutBytesAreRefused<State, Event>(subject: Lawful<State, Event>, bytes: Buffer): void {
  const refused = { code: 'MR_FEATURES_STATE_MALFORMED' };
  assert.throws(() => subject.decode(bytes.subarray(0, -1)), refused, 'the last byte is missing');
  assert.throws(() => subject.decode(Buffer.concat([bytes, Buffer.of(0)])), refused, 'a byte too many');
}

/** One byte changed, bytes are refused, or they are the only way to write what they were read as. */
function assertDamagedBytesAreCanonical<State, Event>(
  subject: Lawful<State, Event>,
  bytes: Buffer,
  damage: readonly (readonly [at: number, byte: number])[],
): void {
  for (const [at, byte] of damage) {
    const damaged = Buffer.from(bytes);
    damaged[at % damaged.length] = byte;
    let state: State;
    try {
      state = subject.decode(damaged);
    } catch (error) {
      assert.match(String(errorCode(error)), /^MR_FEATURES_STATE_(MALFORMED|VERSION)$/, String(error));
      continue;
    }
    assert.deepEqual(subject.encode(state), damaged, 'bytes that were not refused are canonical');
  }
}

function assertMergeIsPure<State, Event>(subject: Lawful<State, Event>, events: readonly Event[]): void {
  const half = events.length >>> 1;
  const left = fold(subject, events.slice(0, half));
  const right = fold(subject, events.slice(half));
  const before = [subject.encode(left), subject.encode(right)];
  let merged = subject.merge(left, right);
  for (const event of events) merged = subject.add(merged, event);
  assert.deepEqual([subject.encode(left), subject.encode(right)], before, 'merge shares and changes nothing');
}
