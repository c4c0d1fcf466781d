/**
 * Sets of categories: sorted by the value that each would have as a leaf, the best set is a prefix of them (Fisher 1958),
 * so prefixes from both ends are tried, as LightGBM does. Rare categories, which share a bin, always go right.
 */
import type { BinnedColumn } from './binning.ts';
import { leafValue, loweringOf } from './leaf-value.ts';
import type { TreeConfig } from './parameters.ts';
import { type ColumnHistogram, loweringOfNode, type Node, type Split, sumsOfSlot } from './split.ts';

/** Bins of the categories that have rows enough, by ratio of gradient to hessian; of equal ratios the lower bin first. */
function sortedCategories(
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
  node: Node,
  config: TreeConfig,
): Omit<Split, 'column'> | undefined {
  const { slot } = histogram;
  const { sums: total, bounds } = node;
  const { regularisation, minRows, minHessian, categoryRegularisation, maxCategories } = config;
  const ofSets = regularisation + categoryRegularisation;
  const lowering = (gradient: number, hessian: number) => {
    const value = leafValue(gradient, hessian, ofSets, bounds.least, bounds.most);
    return loweringOf(gradient, hessian, ofSets, value);
  };
  const { own, least: above } = loweringOfNode(node, regularisation);
  const missing = sumsOfSlot(histogram, slot + column.bins);
  const sorted = sortedCategories(histogram, column, config);
  let best: Best = { lowering: above, set: [], missingLeft: false, rows: 0 };

  const consider = (
    set: readonly number[],
    gradient: number,
    hessian: number,
    rows: number,
    missingLeft: boolean,
  ) => {
    const [otherHessian, otherRows] = [total.hessian - hessian, total.rows - rows];
    if (rows < minRows || otherRows < minRows || hessian < minHessian || otherHessian < minHessian) return;
    const value = lowering(gradient, hessian) + lowering(total.gradient - gradient, otherHessian);
    if (value > best.lowering) best = { lowering: value, set: [...set], missingLeft, rows };
  };
  for (const order of [sorted, sorted.toReversed()]) {
    const set: number[] = [];
    let [gradient, hessian, rows] = [0, 0, 0];
    for (const bin of order.slice(0, maxCategories)) {
      const added = sumsOfSlot(histogram, slot + bin);
      set.push(bin);
      gradient += added.gradient;
      hessian += added.hessian;
      rows += added.rows;
      consider(set, gradient, hessian, rows, false);
      if (missing.rows === 0) continue;
      consider(set, gradient + missing.gradient, hessian + missing.hessian, rows + missing.rows, true);
    }
  }
  if (best.set.length === 0) return undefined;
  return {
    gain: (best.lowering - own) / 2,
    bin: -1,
    set: best.set.toSorted((a, b) => a - b),
    missingLeft: missing.rows > 0 ? best.missingLeft : 2 * best.rows >= total.rows,
  };
}
