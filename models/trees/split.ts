import type { BinnedColumn } from './binning.ts';
import { type Bounds, leafValue, loweringOf, type Sums } from './leaf-value.ts';
import type { TreeConfig } from './parameters.ts';

export type Split = {
  /** By how much the split lowers the loss. */
  readonly gain: number;
  /** In the order of the binning. */
  readonly column: number;
  /** Of a numeric column: the last bin that goes left. */
  readonly bin: number;
  /** Of a categorical column: the bins that go left, ascending. */
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

/**
 * The best threshold of a column, missing values tried on both sides; undefined where none lowers the loss within the
 * limits. Where a node has no missing value, they will follow the side with more rows.
 */
export function numericSplit(
  { sums, counts, slot }: ColumnHistogram,
  { bins }: BinnedColumn,
  { sums: total, bounds }: Node,
  { l2, minRows, minHessian }: TreeConfig,
  direction: number,
): Omit<Split, 'column'> | undefined {
  const { least, most } = bounds;
  const missing = slot + bins;
  const missingRows = counts[missing] as number;
  const [missingGradient, missingHessian] = [sums[2 * missing] as number, sums[2 * missing + 1] as number];
  const parent = loweringOf(
    total.gradient,
    total.hessian,
    l2,
    leafValue(total.gradient, total.hessian, l2, least, most),
  );
  let [best, bestBin, bestMissingLeft, bestRows] = [parent, -1, false, 0];
  let [gradient, hessian, rows] = [0, 0, 0];
  for (let bin = 0; bin < bins; bin++) {
    const at = slot + bin;
    const inBin = counts[at] as number;
    if (inBin === 0) continue;
    gradient += sums[2 * at] as number;
    hessian += sums[2 * at + 1] as number;
    rows += inBin;
    if (total.rows - rows < minRows) break;
    if (rows >= minRows && hessian >= minHessian && total.hessian - hessian >= minHessian) {
      const left = leafValue(gradient, hessian, l2, least, most);
      const otherGradient = total.gradient - gradient;
      const otherHessian = total.hessian - hessian;
      const right = leafValue(otherGradient, otherHessian, l2, least, most);
      const lowering =
        loweringOf(gradient, hessian, l2, left) + loweringOf(otherGradient, otherHessian, l2, right);
      if (lowering > best && direction * (right - left) >= 0) {
        [best, bestBin, bestMissingLeft, bestRows] = [lowering, bin, false, rows];
      }
    }
    if (missingRows === 0) continue;
    const leftHessian = hessian + missingHessian;
    const otherHessian = total.hessian - leftHessian;
    const otherRows = total.rows - rows - missingRows;
    if (rows + missingRows < minRows || otherRows < minRows) continue;
    if (leftHessian < minHessian || otherHessian < minHessian) continue;
    const leftGradient = gradient + missingGradient;
    const otherGradient = total.gradient - leftGradient;
    const left = leafValue(leftGradient, leftHessian, l2, least, most);
    const right = leafValue(otherGradient, otherHessian, l2, least, most);
    const lowering =
      loweringOf(leftGradient, leftHessian, l2, left) + loweringOf(otherGradient, otherHessian, l2, right);
    if (lowering > best && direction * (right - left) >= 0) {
      [best, bestBin, bestMissingLeft, bestRows] = [lowering, bin, true, rows + missingRows];
    }
  }
  if (bestBin < 0) return undefined;
  return {
    gain: (best - parent) / 2,
    bin: bestBin,
    set: undefined,
    missingLeft: missingRows > 0 ? bestMissingLeft : 2 * bestRows >= total.rows,
  };
}

/** Of two splits the one that lowers the loss more; of equal ones that of the column whose name comes first. */
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
