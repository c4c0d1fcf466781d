import type { IndexCalibration } from '../parts.ts';
import type { BlockLists } from '../storage/block-lists.ts';

const AT = 100;
const DEPTHS = [100, 200, 400, 800, 1600, 3200, 6400];
/** Steps from one point of the curve to the next. */
const CURVE_STEP = 1.3;
/** One query of so many is asked for more than 100 results: their recalls differ less from query to query. */
const DEEP_EVERY = 4;
/** Standard errors that the recall measured has to be above the target, so that other queries reach it as well: 98 times of 100. */
const SAFE_ERRORS = 2;

export type CalibrationInput = {
  readonly rows: BlockLists;
  /** Centroids as rows, by the metric of the index. */
  readonly centroids: BlockLists;
  /** [any, dim] */
  readonly queries: Float32Array;
  /** Ids of the queries where these are vectors of the index: they are not to find themselves. */
  readonly own?: Int32Array;
  readonly target: number;
};

/**
 * How many lists it takes to find a share `target` of the true results of queries, on average and two standard errors on the
 * safe side. As the index screens without loss, a search finds exactly the true results in the lists that it looks
 * through; so it is enough to know the list of each true result, and its number in the order in which the query takes lists.
 */
export function calibrate({ rows, centroids, queries, own, target }: CalibrationInput): IndexCalibration {
  const { dim, lists } = rows;
  const depths = DEPTHS.filter((depth, i) => i === 0 || depth * 4 <= rows.size);
  const recalls = depths.map(() => new RecallByProbes(lists));
  const order = new Int32Array(lists);
  for (let query = 0; query < queries.length / dim; query++) {
    const vector = queries.subarray(query * dim, (query + 1) * dim);
    const nearest = centroids.rank(0, vector, lists).ids;
    for (const [i, list] of nearest.entries()) order[list] = i;
    const taken = query % DEEP_EVERY === 0 ? depths : depths.slice(0, 1);
    const search = rows.search(vector, (taken.at(-1) as number) + 1);
    for (const list of nearest) rows.scan(list, search);
    const found = search.best.finish().ids.filter((id) => id !== own?.[query]);
    const at = found.map((id) => order[rows.listOf(id)] as number);
    for (const [i, depth] of taken.entries()) recalls[i]?.add(at.subarray(0, depth));
  }
  const nprobes = recalls.map((recall) => recall.probesFor(target));
  const first = recalls[0] as RecallByProbes;
  return {
    nprobe: nprobes[0] as number,
    target,
    at: AT,
    curve: curveProbes(lists, nprobes[0] as number).map((nprobe) => ({
      nprobe,
      recall: first.mean(nprobe),
      error: first.error(nprobe),
    })),
    depths: depths.map((depth, i) => ({ depth, nprobe: nprobes[i] as number })),
  };
}

/** Lists to look through for `depth` results; in proportion beyond what was calibrated. */
export function probesAt({ nprobe, depths = [] }: IndexCalibration, depth: number): number {
  let lower = { depth: AT, nprobe };
  if (depth <= AT) return nprobe;
  for (const upper of depths) {
    if (depth <= upper.depth) {
      const part = (depth - lower.depth) / (upper.depth - lower.depth);
      return Math.ceil(lower.nprobe + part * (upper.nprobe - lower.nprobe));
    }
    lower = upper;
  }
  return Math.ceil((lower.nprobe * depth) / lower.depth);
}

/** From 1 to all lists, with the one that was chosen. */
function curveProbes(lists: number, chosen: number): number[] {
  const probes = [chosen, lists];
  for (let at = 1; at < lists; at = Math.max(at + 1, Math.round(at * CURVE_STEP))) probes.push(at);
  return [...new Set(probes)].sort((a, b) => a - b);
}

/** The recall of queries for every number of lists that they look through. */
class RecallByProbes {
  /** By number of lists less 1. */
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;
  #queries = 0;

  constructor(lists: number) {
    this.#sums = new Float64Array(lists);
    this.#squares = new Float64Array(lists);
  }

  /** True results of a query, each as the place of its list in the query's order. */
  add(places: Int32Array): void {
    if (places.length === 0) return;
    const counts = new Int32Array(this.#sums.length);
    for (const place of places) counts[place] = (counts[place] as number) + 1;
    let found = 0;
    for (let i = 0; i < counts.length; i++) {
      found += counts[i] as number;
      const recall = found / places.length;
      this.#sums[i] = (this.#sums[i] as number) + recall;
      this.#squares[i] = (this.#squares[i] as number) + recall * recall;
    }
    this.#queries++;
  }

  mean(probes: number): number {
    return this.#queries === 0 ? 1 : (this.#sums[probes - 1] as number) / this.#queries;
  }

  /** The standard error of the mean. */
  error(probes: number): number {
    if (this.#queries === 0) return 0;
    const squares = (this.#squares[probes - 1] as number) / this.#queries;
    return Math.sqrt(Math.max(0, squares - this.mean(probes) ** 2) / this.#queries);
  }

  probesFor(target: number): number {
    const lists = this.#sums.length;
    for (let probes = 1; probes < lists; probes++) {
      if (this.mean(probes) - SAFE_ERRORS * this.error(probes) >= target) return probes;
    }
    return lists;
  }
}
