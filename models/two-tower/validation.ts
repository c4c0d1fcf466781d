import { FlatIndex } from '../index/flat-index.ts';
import { bitmapOf } from '../top-k.ts';
import type { TrainingMetrics } from '../training.ts';
import { type Examples, historyOf } from './data.ts';

/** Rows judged at most; half of a 95% interval of a recall is then below .01. */
const MOST_ROWS = 10_000;

/** The rows of a validation part that are judged: all, or as many as are judged at most, spread evenly. */
export function judgedRows({ user }: Examples): Int32Array {
  return spread(user.length, MOST_ROWS);
}

/** All of this many rows, or as many as are wanted at most, spread evenly. */
export function spread(rows: number, most: number): Int32Array {
  const count = Math.min(most, rows);
  return Int32Array.from({ length: count }, (_, i) => Math.floor((i * rows) / count));
}

/**
 * How high the item of each row is ranked among all items but those of its history: recall@10, recall@100 and NDCG@10,
 * means over the rows. `userVectors` [rows.length, D] are of the rows' users as of each row.
 */
export function validationMetrics(
  examples: Examples,
  rows: Int32Array,
  userVectors: Float32Array,
  itemVectors: Float32Array,
): TrainingMetrics {
  const dim = userVectors.length / rows.length;
  const index = FlatIndex.build(itemVectors, dim);
  const totals = { 'recall@10': 0, 'recall@100': 0, 'ndcg@10': 0 };
  rows.forEach((row, i) => {
    const item = examples.item[row] as number;
    const had = bitmapOf(historyOf(examples, row, Number.POSITIVE_INFINITY), index.size);
    // An item that was had before can be the next one as well.
    had[item >> 3] = (had[item >> 3] as number) & ~(1 << (item & 7));
    const vector = userVectors.subarray(i * dim, (i + 1) * dim);
    const before = index.search(vector, 100, { exclude: had }).ids.indexOf(item);
    if (before < 0) return;
    totals['recall@100']++;
    if (before >= 10) return;
    totals['recall@10']++;
    totals['ndcg@10'] += 1 / Math.log2(before + 2);
  });
  return Object.fromEntries(Object.entries(totals).map(([name, total]) => [name, total / rows.length]));
}
