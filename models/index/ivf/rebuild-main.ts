/** The thread that rebuilds an index: one call, whose answer is the new index. */
import { setPriority } from 'node:os';
import { serveThread } from '#platform';
import type { Metric } from '../port.ts';
import { buildIvf } from './build.ts';
import type { SentIvf } from './ivf-index.ts';
import type { Rows } from './row-copies.ts';

export type RebuildOrder = {
  readonly dim: number;
  readonly metric: Metric;
  readonly seed: number;
  readonly target: number;
  readonly queries: Float32Array | undefined;
  /** An id that was moved while the lists were copied may be in two of them, or in none. */
  readonly copies: readonly Rows[];
};

export type RebuildAnswers = { build(order: RebuildOrder): SentIvf };

/** Below all others of the process: the garbage collector of the thread that answers has helpers, which it stands still for. */
const NICENESS = 10;
// Linux alone has it by thread.
if (process.platform === 'linux') setPriority(NICENESS);

await serveThread<undefined, RebuildAnswers, void>(async () => ({
  answers: {
    build({ dim, metric, seed, target, queries, copies }) {
      const { ids, vectors } = joined(copies, dim);
      return buildIvf(vectors, dim, { metric, ids, seed, target, ...(queries && { queries }) }).send();
    },
  },
  ready: undefined,
}));

/** Each id once. */
function joined(copies: readonly Rows[], dim: number): Rows {
  const size = copies.reduce((sum, { ids }) => sum + ids.length, 0);
  const [ids, vectors] = [new Int32Array(size), new Float32Array(size * dim)];
  const known = new Set<number>();
  for (const copy of copies) {
    for (const [i, id] of copy.ids.entries()) {
      if (known.has(id)) continue;
      ids[known.size] = id;
      vectors.set(copy.vectors.subarray(i * dim, (i + 1) * dim), known.size * dim);
      known.add(id);
    }
  }
  return { ids: ids.slice(0, known.size), vectors: vectors.slice(0, known.size * dim) };
}
