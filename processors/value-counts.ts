import { addCount, ascending, bucketOf, mergeCounts, midpointOf } from '#features';
import type { ValueCounts } from '#schemas';

/** Buckets of the quantiles of features that make one here: 8 lie between a power of two and the next, not 64. */
const MERGED = 8;

export function noValues(): ValueCounts {
  return { missing: 0, buckets: [], counts: [] };
}

/** The bucket of a finite number: 0 for 0, ascending with the number, symmetric about 0. */
export function valueBucket(value: number): number {
  const fine = bucketOf(value);
  const bucket = Math.ceil(Math.abs(fine) / MERGED);
  return fine < 0 ? -bucket : bucket;
}

/** A number in the middle of a bucket, at most 1/16 off any value in it. */
export function valueInBucket(bucket: number): number {
  if (bucket === 0) return 0;
  return Math.sign(bucket) * midpointOf((Math.abs(bucket) - 1) * MERGED + MERGED / 2);
}

/** Counts a number in place; one that is none, or infinite, is missing. */
export function countValue(values: ValueCounts, value: number): void {
  if (Number.isFinite(value)) addCount(sorted(values), valueBucket(value), 1, ascending);
  else values.missing++;
}

export function mergeValues(a: ValueCounts, b: ValueCounts): ValueCounts {
  const { keys, counts } = mergeCounts(sorted(a), sorted(b), ascending);
  return { missing: a.missing + b.missing, buckets: keys, counts };
}

const sorted = ({ buckets, counts }: ValueCounts) => ({ keys: buckets, counts });
