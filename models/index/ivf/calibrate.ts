import { type Ranked, TopK } from '../../top-k.ts';
import type { IndexCalibration } from '../parts.ts';
import type { Metric } from '../port.ts';
import type { BlockLists } from '../storage/block-lists.ts';
import type { ListOrder } from './list-order.ts';
import { gapOf, normOf } from './reach.ts';
import { RecallByReach } from './recall-by-reach.ts';

const AT = 100;
const DEPTHS = [10, AT, 200, 400, 800, 1600];
/** Results that are looked up for each that a depth asks for: what a search has found before its last lists is among them. */
const KNOWN = 4;
/** Steps from one point of the curve to the next. */
const CURVE_STEP = 1.3;
/** One query of so many is asked for more results as well. */
const DEEP_EVERY = 8;
/** Standard errors that the recall measured has to be above the target, so that other queries reach it as well: 98 times of 100. */
const SAFE_ERRORS = 2;

export type CalibrationInput = {
  readonly rows: BlockLists;
  readonly order: ListOrder;
  /** [any, dim] */
  readonly queries: Float32Array;
  /** Ids of the queries where these are vectors of the index: they are not to find themselves. */
  readonly own?: Int32Array;
  readonly target: number;
};

/**
 * How far searches have to reach to find a share `target` of the true results of queries, on average and two standard errors on the
 * safe side, and how many lists that takes if all queries take as many. As the index screens without loss, a search finds exactly the true
 * results in the lists that it looks through; so it is enough to know the list of each true result, its number in the order in
 * which the query takes lists, and its gap when its turn comes.
 */
export function calibrate({ rows, order, queries, own, target }: CalibrationInput): IndexCalibration {
  const { dim, lists } = rows;
  const depths = DEPTHS.filter((depth) => depth === AT || depth * KNOWN <= rows.size).map((depth) => ({
    depth,
    byProbes: new RecallByProbes(lists),
    byReach: new RecallByReach(),
  }));
  const places = new Int32Array(lists);
  const listScores = new Float64Array(lists);
  for (let query = 0; query < queries.length / dim; query++) {
    const vector = queries.subarray(query * dim, (query + 1) * dim);
    const norm = normOf(vector);
    const taken = query % DEEP_EVERY === 0 ? depths : depths.filter(({ depth }) => depth <= AT);
    const search = rows.search(vector, (taken.at(-1)?.depth as number) * KNOWN + 1);
    order.begin(vector, lists);
    for (let place = 0; place < lists; place++) {
      const list = order.next();
      places[list] = place;
      listScores[place] = order.score;
      rows.scan(list, search);
    }
    const { ids, scores } = without(own?.[query], search.best.finish());
    const at = ids.map((id) => places[rows.listOf(id)] as number);
    // Ranks by the place of their list: two numbers in one, which sort faster than by comparing.
    const byPlace = Float64Array.from(at, (place, rank) => place * at.length + rank).sort();
    for (const { depth, byProbes, byReach } of taken) {
      byProbes.add(at.subarray(0, depth));
      byReach.add(gapsFor(depth, { metric: rows.metric, norm, at, byPlace, scores, listScores }));
    }
  }
  const calibrated = depths.map(({ depth, byProbes, byReach }) => ({
    depth,
    nprobe: byProbes.probesFor(target),
    reach: byReach.reachFor(target, SAFE_ERRORS),
    byProbes,
  }));
  const { nprobe, reach, byProbes } = calibrated.find(({ depth }) => depth === AT) as (typeof calibrated)[0];
  return {
    nprobe,
    reach,
    target,
    at: AT,
    curve: curveProbes(lists, nprobe).map((probes) => ({
      nprobe: probes,
      recall: byProbes.mean(probes),
      error: byProbes.error(probes),
    })),
    depths: calibrated.map(({ byProbes: _, ...each }) => each),
  };
}

/** More than are asked for. */
type TrueResults = {
  readonly metric: Metric;
  readonly norm: number;
  /** The place of each one's list in the query's order; best first. */
  readonly at: Int32Array;
  /** By place, then rank: the place, times how many there are, and the rank. */
  readonly byPlace: Float64Array;
  readonly scores: Float32Array;
  /** By place. */
  readonly listScores: Float64Array;
};

/** The gap of each of the `depth` best, as a search for so many has it once it has come across as many of the results known. */
function gapsFor(
  depth: number,
  { metric, norm, at, byPlace, scores, listScores }: TrueResults,
): Float64Array {
  const gaps = new Float64Array(Math.min(depth, at.length));
  const best = new TopK(depth);
  let [place, gap] = [-1, 0];
  for (const each of byPlace) {
    const rank = each % at.length;
    const own = at[rank] as number;
    if (own !== place) gap = gapOf(metric, best.threshold, listScores[own] as number, norm);
    place = own;
    if (rank < gaps.length) gaps[rank] = gap;
    best.offer(rank, scores[rank] as number);
  }
  return gaps;
}

function without(id: number | undefined, { ids, scores }: Ranked): Ranked {
  const rank = id === undefined ? -1 : ids.indexOf(id);
  if (rank < 0) return { ids, scores };
  const isOther = (_: number, i: number) => i !== rank;
  return { ids: ids.filter(isOther), scores: scores.filter(isOther) };
}

/**
 * The reach of searches for `depth` results, between those calibrated by the logarithm of the depth: it rises with the depth for some
 * vectors and falls for others. Undefined where it was not calibrated.
 */
export function reachAt({ reach, depths = [] }: IndexCalibration, depth: number): number | undefined {
  if (depth === AT || reach === undefined) return reach;
  let lower: { depth: number; reach: number } | undefined;
  for (const { depth: at, reach: own = reach } of depths) {
    const upper = { depth: at, reach: own };
    if (depth <= at) {
      lower ??= upper;
      const part = Math.log(depth / lower.depth) / Math.log(at / lower.depth) || 0;
      return lower.reach + part * (own - lower.reach);
    }
    lower = upper;
  }
  return lower?.reach ?? reach;
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
