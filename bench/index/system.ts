/** A system under test, ours or a peer's: what is measured of it, and how the least setting is found that reaches a recall. */
import { percentile } from '../figure.ts';

export const K = 100;

/**
 * Each query counts with its quickest of several rounds: what other processes take from it is no property of an index. Queries per second
 * are by the processor's time of all rounds.
 */
export type Timed = { readonly p50Ms: number; readonly p99Ms: number; readonly perSecond: number };

export type Reached = Timed & {
  readonly target: number;
  /** nprobe or ef. */
  readonly setting: number;
  readonly recall: number;
};

export type Took = {
  /** By the processor's time. */
  readonly buildSeconds: number;
  /** Below 1 where the build was given up, as it took too long: nothing else is known then. */
  readonly builtShare: number;
  readonly memoryBytes: number;
  /** Those of the targets that some setting reaches. */
  readonly targets: readonly Reached[];
};

export type Asked = {
  /** Floats of a query. */
  readonly dim: number;
  readonly queries: Float32Array;
  /** The K best of each query; -1 where there are not so many. */
  readonly truth: Int32Array;
};

/** The ids that a search of this setting finds. */
export type Find = (query: Float32Array, setting: number) => Int32Array;

/** The first one is not counted. */
export const ROUNDS = 6;
/** As the processor's time is counted in steps of some milliseconds, more rounds are made where queries are few and quick. */
const LEAST_SECONDS = 0.1;

export function measured(find: Find, settings: number, asked: Asked, targets: readonly number[]): Reached[] {
  return targets.flatMap((target) => {
    const setting = leastSetting(find, settings, asked, target);
    if (setting === undefined) return [];
    return [{ target, setting, recall: recallOf(find, setting, asked), ...timed(find, setting, asked) }];
  });
}

/** The least of 1 to `settings` that reaches the target; undefined where none does. */
function leastSetting(find: Find, settings: number, asked: Asked, target: number): number | undefined {
  let [low, high] = [1, settings + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (recallOf(find, middle, asked) >= target) high = middle;
    else low = middle + 1;
  }
  return low <= settings ? low : undefined;
}

export function recallOf(find: Find, setting: number, { dim, queries, truth }: Asked): number {
  let found = 0;
  for (let i = 0; i * dim < queries.length; i++) {
    const best = new Set(truth.subarray(i * K, (i + 1) * K));
    for (const id of find(queries.subarray(i * dim, (i + 1) * dim), setting)) if (best.has(id)) found++;
  }
  return found / truth.filter((id) => id >= 0).length;
}

export function timed(find: Find, setting: number, { dim, queries }: Pick<Asked, 'dim' | 'queries'>): Timed {
  const each = rowsOf(queries, dim);
  const least = new Array<number>(each.length).fill(Number.POSITIVE_INFINITY);
  let [begun, counted] = [0, 0];
  for (let round = 0; round < ROUNDS || processorSeconds() - begun < LEAST_SECONDS; round++) {
    if (round === 1) begun = processorSeconds();
    counted = round * each.length;
    for (const [i, query] of each.entries()) {
      const start = performance.now();
      find(query, setting);
      const taken = performance.now() - start;
      if (round > 0 && taken < (least[i] as number)) least[i] = taken;
    }
  }
  const perSecond = counted / (processorSeconds() - begun);
  return { p50Ms: percentile(least, 0.5), p99Ms: percentile(least, 0.99), perSecond };
}

/** Processor time of this thread. Coarse: the system counts in steps of some milliseconds. */
export function processorSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

export const rowsOf = (values: Float32Array, dim: number): readonly Float32Array[] =>
  Array.from({ length: values.length / dim }, (_, i) => values.subarray(i * dim, (i + 1) * dim));
