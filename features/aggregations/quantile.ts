/**
 * Quantiles over exact counts in fixed logarithmic buckets, after DDSketch (Masson, Rim and Lee, 2019) with its
 * linearly interpolated mapping, as in HdrHistogram: a bucket is the sign, the exponent and the first six bits of the
 * mantissa of a double, so 64 buckets lie between a power of two and the next. No logarithm is taken: which bucket a
 * value falls in is a matter of its bits. A quantile is read at its bucket's midpoint, which is off by at most
 * 1/128 (0.8%) of any value in it. Magnitudes below 2^-30 count as 0. No bucket is ever collapsed: the state grows with
 * the spread of the values, 64 buckets for each power of two, and at most one for each value.
 */
import { invariant } from '#platform';
import type { Aggregation } from '../aggregation.ts';
import {
  addCount,
  ascending,
  decodeBuckets,
  encodeBuckets,
  mergeCounts,
  type SortedCounts,
} from './sorted-counts.ts';

const MANTISSA_BITS = 6;
/** What lies below the kept bits in the upper 32 bits of a double. */
const DROPPED_BITS = 20 - MANTISSA_BITS;
const SMALLEST = 2 ** -30;
const bits = new DataView(new ArrayBuffer(8));
const SMALLEST_BITS = keptBits(SMALLEST);

/**
 * The quantiles at `ranks`, each from 0 to 1, of numbers; in the order of `ranks`, null without numbers. The quantile
 * at p is the smallest number such that a share of at least p is not above it (SQL's percentile_disc), within 0.8%.
 * Events for which `value` gives null are passed over.
 */
export function quantile<Event>(
  ranks: readonly number[],
  value: (event: Event) => number | null,
): Aggregation<SortedCounts<number>, Event, readonly number[] | null> {
  invariant(
    ranks.every((rank) => rank >= 0 && rank <= 1),
    'the rank of a quantile lies between 0 and 1',
  );
  return {
    empty: () => ({ keys: [], counts: [] }),
    add: (state, event) => {
      const next = value(event);
      if (next !== null) addCount(state, bucketOf(next), 1, ascending);
      return state;
    },
    merge: (a, b) => mergeCounts(a, b, ascending),
    encode: encodeBuckets,
    decode: (reader) => {
      const state = decodeBuckets(reader);
      const widest = Math.max(-(state.keys[0] ?? 0), state.keys.at(-1) ?? 0);
      reader.require(widest <= LARGEST_BUCKET, 'a bucket beyond all doubles');
      return state;
    },
    finish: (state) => {
      const total = state.counts.reduce((sum, count) => sum + count, 0);
      return total === 0 ? null : ranks.map((rank) => valueAt(state, Math.ceil(rank * total)));
    },
  };
}

/** The bucket of a finite number: 0 for 0, ascending with the number, symmetric about 0. */
export function bucketOf(value: number): number {
  invariant(Number.isFinite(value), 'a value of a feature view is not a finite number');
  const magnitude = Math.abs(value);
  if (magnitude < SMALLEST) return 0;
  const bucket = keptBits(magnitude) - SMALLEST_BITS + 1;
  return value < 0 ? -bucket : bucket;
}

const LARGEST_BUCKET = bucketOf(Number.MAX_VALUE);

/** The midpoint of a bucket. */
export function midpointOf(bucket: number): number {
  if (bucket === 0) return 0;
  const kept = Math.abs(bucket) - 1 + SMALLEST_BITS;
  bits.setUint32(0, (kept << DROPPED_BITS) | (1 << (DROPPED_BITS - 1)));
  bits.setUint32(4, 0);
  return Math.sign(bucket) * bits.getFloat64(0);
}

function keptBits(magnitude: number): number {
  bits.setFloat64(0, magnitude);
  return bits.getUint32(0) >>> DROPPED_BITS;
}

/** The number that stands at place `place`, from 1, among all in ascending order. */
function valueAt({ keys, counts }: SortedCounts<number>, place: number): number {
  let passed = 0;
  for (let i = 0; i < keys.length; i++) {
    passed += counts[i] as number;
    if (passed >= place) return midpointOf(keys[i] as number);
  }
  return midpointOf(keys.at(-1) as number);
}
