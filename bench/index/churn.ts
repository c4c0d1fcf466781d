/** Changes while queries are asked: both arrive at a rate of their own and wait until the thread has time for them. */
import { buildIvf, FlatIndex, type Random, type VectorIndex } from '#models';
import { percentile } from '../figure.ts';
import { truthOf } from './filters.ts';
import { K, recallOf } from './system.ts';

const QUERIES_PER_SECOND = 2000;
const UPDATES_PER_SECOND = 1000;
const TARGET = 0.95;

export type Latency = {
  /** From when a query was due to its answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of searching alone, without what a query has waited. */
  readonly searchingP99Ms: number;
};

/** At this many updates a second. */
function latencyUnder(
  index: VectorIndex,
  queries: Float32Array,
  updatesPerSecond: number,
  seconds: number,
  update: () => void,
): Latency {
  const { dim } = index;
  const [taken, searching]: [number[], number[]] = [[], []];
  const start = performance.now();
  let updates = 0;
  for (let query = 0; query < QUERIES_PER_SECOND * seconds; query++) {
    const due = start + (query * 1000) / QUERIES_PER_SECOND;
    while (performance.now() < due) {
      // The next query is not there yet.
    }
    const at = (query * dim) % queries.length;
    const begun = performance.now();
    index.search(queries.subarray(at, at + dim), K);
    searching.push(performance.now() - begun);
    taken.push(performance.now() - due);
    while (updates * 1000 < (due - start) * updatesPerSecond) {
      update();
      updates++;
    }
  }
  return {
    p50Ms: percentile(taken, 0.5),
    p99Ms: percentile(taken, 0.99),
    searchingP99Ms: percentile(searching, 0.99),
  };
}

/** Share of the items that get other vectors before recall is measured again. */
export const CHURNED = 0.2;

/**
 * Recall before and after a fifth of the items have gone and new ones have come, and of an index built of what is there then.
 */
export function churnRecall(
  items: Float32Array,
  fresh: Float32Array,
  dim: number,
  queries: Float32Array,
): { readonly before: number; readonly churned: number; readonly rebuilt: number } {
  const count = items.length / dim;
  const recall = (index: VectorIndex, now: Float32Array) =>
    recallOf((query) => index.search(query, K).ids, 0, {
      dim,
      queries,
      truth: truthOf(FlatIndex.build(now, dim), queries),
    });
  const index = buildIvf(items, dim, { target: TARGET });
  const before = recall(index, items);
  const now = items.slice();
  for (let i = 0; i < count * CHURNED; i++) {
    // Every fifth one, wherever it is.
    const id = Math.floor(i / CHURNED);
    const vector = fresh.subarray(i * dim, (i + 1) * dim);
    now.set(vector, id * dim);
    index.remove(id);
    index.put(id, vector);
  }
  const churned = recall(index, now);
  return { before, churned, rebuilt: recall(buildIvf(now, dim, { target: TARGET }), now) };
}

/** At rest, then while every update gives an item the vector of another one. */
export function churnLatency(
  index: VectorIndex,
  items: Float32Array,
  queries: Float32Array,
  seconds: number,
  random: Random,
): { readonly rest: Latency; readonly changing: Latency } {
  const { dim } = index;
  const count = items.length / dim;
  const rest = latencyUnder(index, queries, 0, seconds, () => {});
  const changing = latencyUnder(index, queries, UPDATES_PER_SECOND, seconds, () => {
    const from = random.integer(count) * dim;
    index.put(random.integer(count), items.subarray(from, from + dim));
  });
  return { rest, changing };
}
