/** How much each column matters to an ensemble: by what its splits gained, or by what the metric loses without it. */
import { seededRandom } from '../random.ts';
import type { FeatureRows, TreeEnsemble } from './ensemble.ts';
import { TreeScorer } from './scorer.ts';

/** By how much the splits of each column lowered the training loss, added up: [columns]. */
export function gainImportance(ensemble: TreeEnsemble): Float64Array {
  return sumOfSplits(ensemble, (node) => ensemble.gain[node] as number);
}

/** How many splits each column has: [columns]. */
export function splitImportance(ensemble: TreeEnsemble): Float64Array {
  return sumOfSplits(ensemble, () => 1);
}

function sumOfSplits({ columns, column }: TreeEnsemble, of: (node: number) => number): Float64Array {
  const sums = new Float64Array(columns.length);
  for (const [node, by] of column.entries()) if (by >= 0) sums[by] = (sums[by] as number) + of(node);
  return sums;
}

export type ImportanceOptions = {
  /** What the scores [rows] are worth, in the order of the rows; higher is better. */
  readonly metric: (scores: Float64Array) => number;
  readonly seed: number;
  /** Permutations that each column is judged by; 5 by default. */
  readonly repeats?: number;
};

/**
 * Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019): by how much the metric falls where a column has
 * the values of other rows, [columns], the mean over `repeats` permutations. A column is permuted in the same way whatever
 * columns there are beside it. Columns of which one knows the other share what both tell. 0 for columns without a split.
 */
export function permutationImportance(
  ensemble: TreeEnsemble,
  { values, rows }: Pick<FeatureRows, 'values' | 'rows'>,
  { metric, seed, repeats = 5 }: ImportanceOptions,
): Float64Array {
  const width = ensemble.columns.length;
  const scorer = new TreeScorer(ensemble);
  const scores = new Float64Array(rows);
  const judged = (features: Float32Array) => {
    scorer.score(features, rows, scores);
    return metric(scores);
  };
  const whole = judged(values);
  const splits = splitImportance(ensemble);
  const permuted = Float32Array.from(values);
  return splits.map((count, column) => {
    if (count === 0) return 0;
    const random = seededRandom(seed);
    const order = Int32Array.from({ length: rows }, (_, row) => row);
    let fall = 0;
    for (let repeat = 0; repeat < repeats; repeat++) {
      random.shuffle(order);
      for (let row = 0; row < rows; row++) {
        permuted[row * width + column] = values[(order[row] as number) * width + column] as number;
      }
      fall += (whole - judged(permuted)) / repeats;
    }
    for (let row = 0; row < rows; row++)
      permuted[row * width + column] = values[row * width + column] as number;
    return fall;
  });
}
