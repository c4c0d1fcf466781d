/**
 * Sets of categories: sorted by the value that each would have as a leaf, the best set is a prefix of them (Fisher 1958),
 * so prefixes from both ends are tried, as LightGBM does. Rare categories, which share a bin, always go right.
 */
import type { BinnedColumn } from './binning.ts';
import { leafValue, loweringOf } from './leaf-value.ts';
import type { TreeConfig } from './parameters.ts';
import type { ColumnHistogram, Node, Split } from './split.ts';

/** Bins of the categories that have rows enough, by ratio of gradient to hessian; of equal ratios the lower bin first. */
export function sortedCategories(
  { sums, counts, slot }: ColumnHistogram,
  { bins }: BinnedColumn,
  { categorySmoothing }: TreeConfig,
): number[] {
  const ratios = new Map<number, number>();
  for (let bin = 0; bin < bins - 1; bin++) {
    const rows = counts[slot + bin] as number;
    if (rows === 0 || rows < categorySmoothing) continue;
    const at = 2 * (slot + bin);
    ratios.set(bin, (sums[at] as number) / ((sums[at + 1] as number) + categorySmoothing));
  }
  const ratioOf = (bin: number) => ratios.get(bin) as number;
  return [...ratios.keys()].sort((a, b) => ratioOf(a) - ratioOf(b) || a - b);
}

type Best = { lowering: number; set: readonly number[]; missingLeft: boolean; rows: number };

/** As `numericSplit`. */
export function categoricalSplit(
  histogram: ColumnHistogram,
  column: BinnedColumn,
  { sums: total, bounds: { least, most } }: Node,
  config: TreeConfig,
): Omit<Split, 'column'> | undefined {
  const { sums, counts, slot } = histogram;
  const { l2, minRows, minHessian, categoryL2, maxCategories } = config;
  const regularisation = l2 + categoryL2;
  const lowering = (gradient: number, hessian: number, by: number) =>
    loweringOf(gradient, hessian, by, leafValue(gradient, hessian, by, least, most));
  const parent = lowering(total.gradient, total.hessian, l2);
  const missing = slot + column.bins;
  const missingRows = counts[missing] as number;
  const sorted = sortedCategories(histogram, column, config);
  let best: Best = { lowering: parent, set: [], missingLeft: false, rows: 0 };

  const consider = (
    set: readonly number[],
    gradient: number,
    hessian: number,
    rows: number,
    missingLeft: boolean,
  ) => {
    const [otherHessian, otherRows] = [total.hessian - hessian, total.rows - rows];
    if (rows < minRows || otherRows < minRows || hessian < minHessian || otherHessian < minHessian) return;
    const value =
      lowering(gradient, hessian, regularisation) +
      lowering(total.gradient - gradient, otherHessian, regularisation);
    if (value > best.lowering) best = { lowering: value, set: [...set], missingLeft, rows };
  };
  for (const order of [sorted, sorted.toReversed()]) {
    const set: number[] = [];
    let [gradient, hessian, rows] = [0, 0, 0];
    for (const bin of order.slice(0, maxCategories)) {
      const at = slot + bin;
      set.push(bin);
      gradient += sums[2 * at] as number;
      hessian += sums[2 * at + 1] as number;
      rows += counts[at] as number;
      consider(set, gradient, hessian, rows, false);
      if (missingRows === 0) continue;
      const withMissing = [
        gradient + (sums[2 * missing] as number),
        hessian + (sums[2 * missing + 1] as number),
      ] as const;
      consider(set, ...withMissing, rows + missingRows, true);
    }
  }
  if (best.set.length === 0) return undefined;
  return {
    gain: (best.lowering - parent) / 2,
    bin: -1,
    set: best.set.toSorted((a, b) => a - b),
    missingLeft: missingRows > 0 ? best.missingLeft : 2 * best.rows >= total.rows,
  };
}
