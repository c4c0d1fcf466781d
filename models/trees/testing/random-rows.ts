import { testSeed } from '#platform/testing';
import { type Random, seededRandom } from '../../random.ts';
import type { Column, TreeEnsemble } from '../ensemble.ts';
import type { TrainingRows } from '../training-rows.ts';

export type RowsShape = {
  readonly rows: number;
  readonly numeric: number;
  readonly categorical?: number;
  /** Values of a numeric column; few, so that rows lie on thresholds. */
  readonly distinct?: number;
  readonly missing?: number;
};

/** A small table whose labels depend on the columns; noise keeps two splits of one node from gaining the same. */
export function randomRows(random: Random, shape: RowsShape): TrainingRows {
  const { rows, numeric, categorical = 0, distinct = 12, missing = 0.1 } = shape;
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const columns: Column[] = [
    ...Array.from({ length: numeric }, (_, i) => ({ name: `number ${i}` })),
    ...Array.from({ length: categorical }, (_, i) => ({ name: `category ${i}`, categories: names })),
  ];
  const values = new Float32Array(rows * columns.length);
  const labels = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    columns.forEach(({ categories }, i) => {
      const isMissing = random.uniform() < missing;
      const value = categories === undefined ? random.integer(distinct) / 4 : random.integer(names.length);
      values[row * columns.length + i] = isMissing ? Number.NaN : value;
      labels[row] = (labels[row] as number) + (isMissing ? 1 : value) * (i + 1);
    });
    labels[row] = (labels[row] as number) + 5 * random.uniform();
  }
  return { columns, rows, values, labels };
}

/** By the definition of the ensemble. */
export function scoresOf(
  ensemble: TreeEnsemble,
  { columns, rows, values }: Pick<TrainingRows, 'columns' | 'rows' | 'values'>,
): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => {
    let score = ensemble.base;
    for (const root of ensemble.roots) {
      let node = root;
      while ((ensemble.column[node] as number) >= 0) {
        const column = ensemble.column[node] as number;
        const value = values[row * columns.length + column] as number;
        node = (isLeft(ensemble, node, value) ? ensemble.left[node] : ensemble.right[node]) as number;
      }
      score += ensemble.value[node] as number;
    }
    return score;
  });
}

function isLeft(ensemble: TreeEnsemble, node: number, value: number): boolean {
  if (Number.isNaN(value)) return ensemble.missingLeft[node] === 1;
  const threshold = ensemble.threshold[node] as number;
  if (ensemble.columns[ensemble.column[node] as number]?.categories === undefined) return value <= threshold;
  const [start, end] = [ensemble.setStarts[threshold] as number, ensemble.setStarts[threshold + 1] as number];
  return ensemble.categories.subarray(start, end).includes(value);
}

/** Runs `body` on random numbers from `seed`, which the failure names. */
export function withSeed(
  body: (random: Random, seed: number) => void | Promise<void>,
  seed = testSeed,
): () => Promise<void> {
  return async () => {
    try {
      await body(seededRandom(seed), seed);
    } catch (error) {
      throw new Error(`with seed ${seed}`, { cause: error });
    }
  };
}
