/** A system under test, ours or a peer's: what is measured of it, and how the least setting is found that reaches a recall. */
import { performance } from 'node:perf_hooks';
import { percentile } from '../figure.ts';

export const K = 100;

export type Reached = {
  readonly target: number;
  /** nprobe or ef. */
  readonly setting: number;
  readonly recall: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
};

export type Took = {
  readonly buildSeconds: number;
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

const WARM_UP = 20;

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

export function timed(
  find: Find,
  setting: number,
  { dim, queries }: Pick<Asked, 'dim' | 'queries'>,
): Pick<Reached, 'p50Ms' | 'p99Ms' | 'perSecond'> {
  const query = (i: number) => queries.subarray(i * dim, (i + 1) * dim);
  const count = queries.length / dim;
  for (let i = 0; i < WARM_UP; i++) find(query(i % count), setting);
  const taken = Array.from({ length: count }, (_, i) => {
    const start = performance.now();
    find(query(i), setting);
    return performance.now() - start;
  });
  const total = taken.reduce((sum, each) => sum + each, 0);
  return { p50Ms: percentile(taken, 0.5), p99Ms: percentile(taken, 0.99), perSecond: (count * 1000) / total };
}
