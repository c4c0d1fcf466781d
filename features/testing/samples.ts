/** Events reduced to what aggregations read of them. */
import fc from 'fast-check';
import { itemIds, timestamps } from './interactions.ts';

export type Sample = {
  readonly ts: number;
  readonly event_id: string;
  readonly item: string | null;
  readonly tags: readonly string[];
  /** An integer. */
  readonly amount: number;
  /** Any finite number. */
  readonly value: number | null;
};

/** Numbers that collide, integers within and beyond 2^53, fractions, both zeros, and the ends of the doubles. */
export const finiteNumbers: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(
    0,
    -0,
    0.5,
    1 / 3,
    2 ** 53,
    -(2 ** 60),
    Number.MIN_VALUE,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

export const samples: fc.Arbitrary<Sample> = fc.record({
  ts: timestamps,
  event_id: fc.oneof(
    fc.integer({ min: 1, max: 4 }).map((id) => `e${id}`),
    itemIds,
  ),
  item: fc.option(itemIds, { nil: null, freq: 8 }),
  tags: fc.array(itemIds, { maxLength: 4 }),
  amount: fc.integer({ min: -1000, max: 1000 }),
  value: fc.option(finiteNumbers, { nil: null, freq: 8 }),
});

/** All within a few milliseconds, so that the newest are many and ties decide. */
export const crowded: fc.Arbitrary<Sample> = fc
  .tuple(samples, fc.integer({ min: 0, max: 2 }))
  .map(([event, ts]) => ({ ...event, ts }));

export const sampleLists: fc.Arbitrary<Sample[]> = fc.oneof(
  fc.array(samples, { maxLength: 100, size: 'max' }),
  fc.array(crowded, { maxLength: 30, size: 'max' }),
);

export const sample = (fields: Partial<Sample>): Sample => ({
  ts: 0,
  event_id: 'e1',
  item: 'a',
  tags: [],
  amount: 0,
  value: null,
  ...fields,
});

/** The order of strings as UTF-8 bytes, by another way than the one under test. */
export const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
