import { type NumberDistribution, stabilityIndex } from '#offline';
import { mergeValues, noValues, valueBucket, valueInBucket } from '#processors';
import type { AnswerContents, ValueCounts } from '#schemas';

/** With fewer values than this, chance alone moves a distribution. */
const FEWEST_COMPARED = 500;

export type Drift = {
  /** Population stability index: 0.1 is a shift worth a look, 0.25 a large one. */
  readonly psi: number;
  /** What it is measured against: the snapshot that the version learned from, or the first hour of answers that is kept. */
  readonly reference: 'snapshot' | 'first-hour';
};

/** The number that this share of the values does not exceed, within 1/16; null without values. */
export function quantileOf(values: ValueCounts, share: number): number | null {
  const { buckets, counts } = values;
  const total = countOf(values);
  let passed = 0;
  for (const [i, bucket] of buckets.entries()) {
    passed += counts[i] as number;
    if (passed >= share * total) return valueInBucket(bucket);
  }
  return null;
}

export function countOf({ counts }: ValueCounts): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** All of these values together. */
export function together(all: Iterable<ValueCounts | undefined>): ValueCounts {
  let sum = noValues();
  for (const each of all) if (each !== undefined) sum = mergeValues(sum, each);
  return sum;
}

/**
 * How far the values of the newest hour are from those of the first hour that is kept, each with enough of them; null
 * where these are one, or there are none.
 */
export function driftSinceFirst(
  rows: readonly AnswerContents[],
  of: (row: AnswerContents) => ValueCounts | undefined,
): Drift | null {
  const hours = Map.groupBy(rows, ({ hour }) => hour);
  const enough = [...hours]
    .map(([hour, each]) => ({ hour, values: together(each.map(of)) }))
    .filter(({ values }) => countOf(values) >= FEWEST_COMPARED)
    .sort((a, b) => a.hour - b.hour);
  const [first] = enough;
  const newest = enough.at(-1);
  if (first === undefined || newest === undefined || first === newest) return null;
  const psi = stabilityIndex(distributionOf(first.values), distributionOf(newest.values));
  return { psi, reference: 'first-hour' };
}

/** The same against the column of a snapshot. */
export function driftSinceTraining(column: NumberDistribution, values: ValueCounts): Drift | null {
  if (column.count < FEWEST_COMPARED || countOf(values) < FEWEST_COMPARED) return null;
  return { psi: stabilityIndex(inBuckets(column), distributionOf(values)), reference: 'snapshot' };
}

/** Over the numbers of buckets, which ascend with the values. */
function distributionOf(values: ValueCounts): NumberDistribution {
  const { buckets, counts } = values;
  const count = countOf(values);
  const shares: number[] = [];
  let upTo = 0;
  for (const each of counts) {
    upTo += each;
    shares.push(upTo / count);
  }
  return { count, values: buckets, shares };
}

/** As coarse as counts are: else values that lie on the edge of a bucket would seem to have moved. */
function inBuckets({ count, values, shares }: NumberDistribution): NumberDistribution {
  const upTo = new Map<number, number>();
  for (const [i, value] of values.entries()) upTo.set(valueBucket(value), shares[i] as number);
  return { count, values: [...upTo.keys()], shares: [...upTo.values()] };
}
