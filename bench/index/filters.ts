/** Searches of which a share of all ids is excluded: what is found, and how long it takes. */
import { bitmapOf, type Random, type VectorIndex } from '#models';
import { percentile } from '../figure.ts';
import { type Asked, K, recallOf } from './system.ts';

export type Filtered = { readonly share: number; readonly recall: number; readonly p50Ms: number };

const SHARES = [0, 0.5, 0.9, 0.99];
/** The first one is not counted. */
const ROUNDS = 3;

/** Excluded ids are drawn at random. `exact` finds the truth. The shares are timed in turn, query by query. */
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
    return { share, find, truth, taken: [] as number[] };
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (let at = 0; at < queries.length; at += dim) {
      const query = queries.subarray(at, at + dim);
      for (const { find, taken } of cases) {
        const start = performance.now();
        find(query);
        if (round > 0) taken.push(performance.now() - start);
      }
    }
  }
  return cases.map(({ share, find, truth, taken }) => ({
    share,
    recall: recallOf(find, 0, { dim, queries, truth }),
    p50Ms: percentile(taken, 0.5),
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
