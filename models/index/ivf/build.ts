import { type Random, seededRandom } from '../../random.ts';
import { checkIds, checkVector, countOf } from '../checks.ts';
import { defaultPlatform } from '../kernel/platform.ts';
import type { Platform } from '../kernel/port.ts';
import type { Metric } from '../port.ts';
import { BlockLists } from '../storage/block-lists.ts';
import { calibrate } from './calibrate.ts';
import { heldOutRows } from './held-out.ts';
import { IvfIndex } from './ivf-index.ts';
import { kMeans } from './k-means.ts';
import { ListOrder } from './list-order.ts';

/** Vectors that k-means learns a centroid from. Twice as many find a few hundredths more, and take half as long again to build. */
const SAMPLED_PER_LIST = 20;
const ITERATIONS = 5;
/** Lists by the square root of the number of vectors. With fewer, lists are looked through that have little of what is near. */
const LISTS_PER_ROOT = 4;
/** Two blocks: in shorter lists, half of what is screened is what blocks have left over. */
const LEAST_LIST = 64;

export type IvfOptions = {
  /** Default: inner product. */
  readonly metric?: Metric;
  /** The ids of the vectors, in their order; 0, 1, 2, ... where absent. */
  readonly ids?: Int32Array;
  readonly seed?: number;
  /** Lists; by the number of vectors where absent. */
  readonly lists?: number;
  /** Share of the true results that searches shall find. */
  readonly target?: number;
  /** What will be searched for, [any, dim]; vectors of the index where absent. */
  readonly queries?: Float32Array;
  readonly platform?: Platform;
};

/** Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR, MR_INDEX_ID. */
export function buildIvf(vectors: Float32Array, dim: number, options: IvfOptions = {}): IvfIndex {
  const { metric = 'inner-product', ids, seed = 1, target = 0.99, platform = defaultPlatform } = options;
  const size = countOf(vectors, dim);
  if (ids !== undefined) checkIds(ids, size);
  const vectorAt = (row: number) => vectors.subarray(row * dim, (row + 1) * dim);
  for (let row = 0; row < size; row++) checkVector(vectorAt(row), dim);
  const random = seededRandom(seed);
  const count = Math.max(1, Math.min(size, options.lists ?? listsFor(size)));
  const idOf = (row: number) => ids?.[row] ?? row;
  // A row is left for each list.
  const held = heldOutRows(size, idOf).subarray(0, size - count);
  const rowsToLearn = sampleWithout(held, size, count * SAMPLED_PER_LIST, random);
  const assign = kMeans({
    vectors: size === 0 ? new Float32Array(dim) : vectors,
    dim,
    rows: size === 0 ? new Int32Array(1) : rowsToLearn,
    count,
    iterations: ITERATIONS,
    random,
    platform,
  });
  const rows = BlockLists.create(platform, dim, metric, count);
  for (let row = 0; row < size; row++) {
    const vector = vectorAt(row);
    rows.put(assign.nearest(vector), idOf(row), vector);
  }
  const order = ListOrder.of(assign.values, dim, metric, platform);
  const own = held.map(idOf);
  const ownQueries = new Float32Array(held.length * dim);
  for (const [i, row] of held.entries()) ownQueries.set(vectorAt(row), i * dim);
  const asked = options.queries === undefined ? { queries: ownQueries, own } : { queries: options.queries };
  const calibration = calibrate({ rows, order, target, ...asked });
  return new IvfIndex(rows, assign, order, calibration);
}

const listsFor = (size: number): number =>
  Math.round(Math.min(LISTS_PER_ROOT * Math.sqrt(size), size / LEAST_LIST));

/** So many rows, or all, in random order, without those held out, which ascend. */
function sampleWithout(held: Int32Array, size: number, count: number, random: Random): Int32Array {
  const rows = new Int32Array(size - held.length);
  for (let row = 0, left = 0; row < size; row++) {
    if (held[left] === row) left++;
    else rows[row - left] = row;
  }
  const taken = Math.min(rows.length, count);
  for (let i = 0; i < taken; i++) {
    const other = i + random.integer(rows.length - i);
    const row = rows[other] as number;
    rows[other] = rows[i] as number;
    rows[i] = row;
  }
  return rows.subarray(0, taken);
}
