/** The thread that rebuilds an index: one call, whose answer is the new index. */
import { HandedOver, serveThread } from '#platform';
import type { Metric } from '../port.ts';
import { buildIvf } from './build.ts';
import type { CopiedRows, SentIvf } from './ivf-index.ts';

export type RebuildOrder = {
  readonly dim: number;
  readonly metric: Metric;
  readonly seed: number;
  readonly target: number;
  /** An id that was moved while the lists were copied may be in two of them, or in none. */
  readonly lists: readonly CopiedRows[];
};

export type RebuildAnswers = { build(order: RebuildOrder): HandedOver<SentIvf> };

await serveThread<undefined, RebuildAnswers, void>(async () => ({
  answers: {
    build({ dim, metric, seed, target, lists }) {
      const { ids, vectors } = joined(lists, dim);
      const sent = buildIvf(vectors, dim, { metric, ids, seed, target }).send();
      const { sizes, last, previous, listOf, rows } = sent.rows;
      const arrays = [sizes, last, previous, listOf, rows.counts, ...rows.shards];
      return new HandedOver(
        sent,
        arrays.map(({ buffer }) => buffer as ArrayBuffer),
      );
    },
  },
  ready: undefined,
}));

/** Each id once. */
function joined(lists: readonly CopiedRows[], dim: number): CopiedRows {
  const size = lists.reduce((sum, { ids }) => sum + ids.length, 0);
  const [ids, vectors] = [new Int32Array(size), new Float32Array(size * dim)];
  const known = new Set<number>();
  for (const list of lists) {
    for (const [i, id] of list.ids.entries()) {
      if (known.has(id)) continue;
      ids[known.size] = id;
      vectors.set(list.vectors.subarray(i * dim, (i + 1) * dim), known.size * dim);
      known.add(id);
    }
  }
  return { ids: ids.slice(0, known.size), vectors: vectors.slice(0, known.size * dim) };
}
