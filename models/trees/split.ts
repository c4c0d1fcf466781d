import type { BinnedColumn } from './binning.ts';
import { type Bounds, isUnbounded, leafValue, loweringOf, type Sums } from './leaf-value.ts';
import type { TreeConfig } from './parameters.ts';

export type Split = {
  /** By how much the split lowers the loss. */
  readonly gain: number;
  /** In the order of the binning. */
  readonly column: number;
  /** The last bin that goes left, if the column is numeric. */
  readonly bin: number;
  /** The bins that go left, ascending, if the column is categorical. */
  readonly set: readonly number[] | undefined;
  readonly missingLeft: boolean;
};

export type Node = { readonly sums: Sums; readonly bounds: Bounds };

/** A column's part of a node's histogram: its bins, then that of missing values. */
export type ColumnHistogram = {
  readonly sums: Float64Array;
  readonly counts: Int32Array;
  /** Its first slot. */
  readonly slot: number;
};

/** A gain below this share of what the node's own value gains is rounding. */
const ROUNDING = 1e-9;
/** So is one that changes scores by less than the root of this. */
const MIN_SCORE_CHANGE = 1e-15;

/** What the value of a leaf that is not split lowers the loss by, twice; and what a split must exceed to count. */
export function loweringOfNode(
  { sums, bounds }: Node,
  regularisation: number,
): { readonly own: number; readonly least: number } {
  const { gradient, hessian } = sums;
  const own = loweringOf(
    gradient,
    hessian,
    regularisation,
    leafValue(gradient, hessian, regularisation, bounds.least, bounds.most),
  );
  return { own, least: own + ROUNDING * own + MIN_SCORE_CHANGE * hessian };
}

type Found = { readonly lowering: number; readonly bin: number; readonly rows: number };

/**
 * The best threshold of a column, missing values tried on both sides; undefined where none lowers the loss within the
 * limits. Where a node has no missing value, they will follow the side with more rows. `direction` is that of the column's
 * constraint, 0 without one.
 */
export function numericSplit(
  histogram: ColumnHistogram,
  column: BinnedColumn,
  node: Node,
  config: TreeConfig,
  direction: number,
): Omit<Split, 'column'> | undefined {
  const { own, least } = loweringOfNode(node, config.regularisation);
  const missing = sumsOfSlot(histogram, histogram.slot + column.bins);
  const isFree = direction === 0 && isUnbounded(node.bounds);
  const search = (before: Sums, above: number) =>
    isFree
      ? searchFree(histogram, column, node.sums, config, before, above)
      : searchBounded(histogram, column, node, config, direction, before, above);
  const right = search(NOTHING, least);
  const left = missing.rows === 0 ? undefined : search(missing, right?.lowering ?? least);
  const best = left ?? right;
  if (best === undefined) return undefined;
  return {
    gain: (best.lowering - own) / 2,
    bin: best.bin,
    set: undefined,
    missingLeft: missing.rows > 0 ? left !== undefined : 2 * best.rows >= node.sums.rows,
  };
}

const NOTHING: Sums = { gradient: 0, hessian: 0, rows: 0 };

export function sumsOfSlot({ sums, counts }: ColumnHistogram, slot: number): Sums {
  return {
    gradient: sums[2 * slot] as number,
    hessian: sums[2 * slot + 1] as number,
    rows: counts[slot] as number,
  };
}

/** The best threshold above `above`; `before` stands left of all. This runs for each bin of each node, so it divides rarely. */
function searchFree(
  { sums, counts, slot }: ColumnHistogram,
  { bins }: BinnedColumn,
  total: Sums,
  { regularisation, minRows, minHessian }: TreeConfig,
  before: Sums,
  above: number,
): Found | undefined {
  let { gradient, hessian, rows } = before;
  let [best, bestBin, bestRows] = [above, -1, 0];
  for (let bin = 0; bin < bins; bin++) {
    const at = slot + bin;
    const inBin = counts[at] as number;
    if (inBin === 0) continue;
    gradient += sums[2 * at] as number;
    hessian += sums[2 * at + 1] as number;
    rows += inBin;
    if (total.rows - rows < minRows) break;
    const otherHessian = total.hessian - hessian;
    if (rows < minRows || hessian < minHessian || otherHessian < minHessian) continue;
    const otherGradient = total.gradient - gradient;
    // This is g^2 / h + other^2 / otherHessian, over one denominator.
    const lowering =
      gradient * gradient * (otherHessian + regularisation) +
      otherGradient * otherGradient * (hessian + regularisation);
    const denominator = (hessian + regularisation) * (otherHessian + regularisation);
    if (lowering <= best * denominator) continue;
    [best, bestBin, bestRows] = [lowering / denominator, bin, rows];
  }
  return bestBin < 0 ? undefined : { lowering: best, bin: bestBin, rows: bestRows };
}

/** As `searchFree`, with values within the node's bounds that rise or fall with the column. */
function searchBounded(
  histogram: ColumnHistogram,
  { bins }: BinnedColumn,
  { sums: total, bounds: { least, most } }: Node,
  { regularisation, minRows, minHessian }: TreeConfig,
  direction: number,
  before: Sums,
  above: number,
): Found | undefined {
  let { gradient, hessian, rows } = before;
  let best: Found | undefined;
  for (let bin = 0; bin < bins; bin++) {
    const own = sumsOfSlot(histogram, histogram.slot + bin);
    gradient += own.gradient;
    hessian += own.hessian;
    rows += own.rows;
    if (total.rows - rows < minRows) break;
    const otherHessian = total.hessian - hessian;
    if (rows < minRows || hessian < minHessian || otherHessian < minHessian) continue;
    const otherGradient = total.gradient - gradient;
    const left = leafValue(gradient, hessian, regularisation, least, most);
    const right = leafValue(otherGradient, otherHessian, regularisation, least, most);
    if (direction * (right - left) < 0) continue;
    const lowering =
      loweringOf(gradient, hessian, regularisation, left) +
      loweringOf(otherGradient, otherHessian, regularisation, right);
    if (lowering > (best?.lowering ?? above)) best = { lowering, bin, rows };
  }
  return best;
}

/** The split that lowers the loss more; of two that lower it equally, that of the column whose name comes first. */
export function better(a: Split | undefined, b: Split | undefined): Split | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.gain !== b.gain) return a.gain > b.gain ? a : b;
  return a.column <= b.column ? a : b;
}

/** By bin, whether its rows go left: [256]. */
export function leftBins({ bin, set, missingLeft }: Split, { bins }: BinnedColumn): Uint8Array {
  const left = new Uint8Array(256);
  if (set === undefined) left.fill(1, 0, bin + 1);
  else for (const each of set) left[each] = 1;
  left[bins] = missingLeft ? 1 : 0;
  return left;
}
