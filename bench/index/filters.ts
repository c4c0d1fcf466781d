/** Searches of which a share of all ids is excluded: what is found, and how long it takes. */
import { bitmapOf, type Random, type VectorIndex } from '#models';
import { percentile } from '../figure.ts';
import { type Asked, K, ROUNDS, recallOf } from './system.ts';

export type Filtered = { readonly share: number; readonly recall: number; readonly p50Ms: number };

const SHARES = [0, 0.5, 0.9, 0.99];

/**
 * Excluded ids are drawn at random. `exact` finds the truth. The shares are timed in turn, query by query, each as often first
 * as any other: the first one finds less of what it reads in the processor's caches. Of the rounds, the quickest counts for each query.
 */
export function filtered(
  index: VectorIndex,
  exact: VectorIndex,
  { dim, queries }: Pick<Asked, 'dim' | 'queries'>,
  random: Random,
): readonly Filtered[] {
  const count = index.size;
  const cases = SHARES.map((share) => {
    const excluded = Array.from({ length: count }, (_, id) => id).filter(() => random.uniform() < share);
    const options = share === 0 ? {} : { exclude: bitmapOf(excluded, count) };
    const truth = truthOf(exact, queries, options);
    const find = (query: Float32Array) => index.search(query, K, options).ids;
    const least = new Array<number>(queries.length / dim).fill(Number.POSITIVE_INFINITY);
    return { share, find, truth, least };
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i * dim < queries.length; i++) {
      const query = queries.subarray(i * dim, (i + 1) * dim);
      const first = i % cases.length;
      for (const { find, least } of [...cases.slice(first), ...cases.slice(0, first)]) {
        const start = performance.now();
        find(query);
        const taken = performance.now() - start;
        if (round > 0 && taken < (least[i] as number)) least[i] = taken;
      }
    }
  }
  return cases.map(({ share, find, truth, least }) => ({
    share,
    recall: recallOf(find, 0, { dim, queries, truth }),
    p50Ms: percentile(least, 0.5),
  }));
}

/** The K best of each query by exact search, equal scores by id; -1 where fewer are allowed. */
export function truthOf(
  exact: VectorIndex,
  queries: Float32Array,
  options: Parameters<VectorIndex['search']>[2] = {},
): Int32Array {
  const { dim } = exact;
  const truth = new Int32Array((queries.length / dim) * K).fill(-1);
  for (let i = 0; i * dim < queries.length; i++) {
    truth.set(exact.search(queries.subarray(i * dim, (i + 1) * dim), K, options).ids, i * K);
  }
  return truth;
}
