/** A tree of squared loss by trying every split of every node on the raw values: what histograms must find as well. */
import type { TrainingRows } from '../training-rows.ts';

export type ExhaustiveOptions = {
  readonly leaves: number;
  readonly depth: number;
  readonly minRows: number;
  readonly regularisation: number;
};

export type ExhaustiveLeaf = { readonly rows: readonly number[]; readonly value: number };

type Found = { readonly gain: number; readonly left: readonly number[]; readonly right: readonly number[] };
type Grown = { readonly rows: readonly number[]; readonly depth: number; readonly found: Found | undefined };

/** Leaves of the tree that is grown best first on residuals of `residual`, with weights as second derivatives. */
export function exhaustiveTree(
  data: TrainingRows,
  residual: Float64Array,
  options: ExhaustiveOptions,
): readonly ExhaustiveLeaf[] {
  const grow = (rows: readonly number[], depth: number): Grown => {
    const isDeep = options.depth > 0 && depth >= options.depth;
    return { rows, depth, found: isDeep ? undefined : bestSplit(data, residual, rows, options) };
  };
  let leaves = [grow(Array.from(residual.keys()), 0)];
  while (leaves.length < options.leaves) {
    const next = leaves.reduce((best, leaf) =>
      (leaf.found?.gain ?? 0) > (best.found?.gain ?? 0) ? leaf : best,
    );
    if (next.found === undefined) break;
    const { left, right } = next.found;
    leaves = [
      ...leaves.filter((leaf) => leaf !== next),
      grow(left, next.depth + 1),
      grow(right, next.depth + 1),
    ];
  }
  return leaves.map(({ rows }) => {
    const { sum, weight } = sumsOf(data, residual, rows);
    return { rows, value: -sum / (weight + options.regularisation) };
  });
}

function bestSplit(
  data: TrainingRows,
  residual: Float64Array,
  rows: readonly number[],
  { minRows, regularisation }: ExhaustiveOptions,
): Found | undefined {
  const scoreOf = (some: readonly number[]) => {
    const { sum, weight } = sumsOf(data, residual, some);
    return sum ** 2 / (weight + regularisation);
  };
  let best: Found | undefined;
  for (const left of candidates(data, rows)) {
    const isIn = new Set(left);
    const right = rows.filter((row) => !isIn.has(row));
    if (left.length < minRows || right.length < minRows) continue;
    const gain = (scoreOf(left) + scoreOf(right) - scoreOf(rows)) / 2;
    if (gain > 1e-9 && gain > (best?.gain ?? 0) * (1 + 1e-12)) best = { gain, left, right };
  }
  return best;
}

/** Every threshold of every numeric column, with missing values on either side. */
function* candidates(
  { columns, values }: TrainingRows,
  rows: readonly number[],
): Generator<readonly number[]> {
  for (let column = 0; column < columns.length; column++) {
    const valueAt = (row: number) => values[row * columns.length + column] as number;
    const missing = rows.filter((row) => Number.isNaN(valueAt(row)));
    const there = rows.filter((row) => !Number.isNaN(valueAt(row)));
    for (const threshold of [...new Set(there.map(valueAt))].sort((a, b) => a - b)) {
      const left = there.filter((row) => valueAt(row) <= threshold);
      yield left;
      if (missing.length > 0) yield [...left, ...missing];
    }
  }
}

function sumsOf({ weights }: TrainingRows, residual: Float64Array, rows: readonly number[]) {
  let [sum, weight] = [0, 0];
  for (const row of rows) {
    const own = weights?.[row] ?? 1;
    sum += own * (residual[row] as number);
    weight += own;
  }
  return { sum, weight };
}
