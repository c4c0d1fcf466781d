import type { TreeEnsemble } from '../ensemble.ts';
import { TreeScorer } from '../scorer.ts';
import type { TrainingRows } from '../training-rows.ts';

/** Rows that propensities are measured on, at most: their means are known to a few per cent by then. */
const MOST_ROWS = 5_000;
/** Places beyond are taken as the last of these. */
const MOST_PLACES = 100;
/** What was taken at a place that is hardly looked at counts for no more than 1 / LEAST, or a few rows would decide. */
const LEAST = 0.02;

/**
 * How much rarer an item is taken at each place than it would be at the first one, [places] from 1 to LEAST: by the partial
 * dependence (Friedman 2001) on the place, column `position`, of trees that were fitted with it as a feature, so that what
 * stands at a place for being liked does not count as the place's doing. Their scores are log-odds.
 */
export function propensities(trees: TreeEnsemble, position: number, rows: TrainingRows): Float64Array {
  const width = rows.columns.length;
  const placed: number[] = [];
  let last = 0;
  for (let row = 0; row < rows.rows; row++) {
    const place = rows.values[row * width + position] as number;
    if (Number.isNaN(place)) continue;
    placed.push(row);
    last = Math.max(last, Math.min(place, MOST_PLACES - 1));
  }
  const every = Math.max(1, Math.ceil(placed.length / MOST_ROWS));
  const sample = placed.filter((_, i) => i % every === 0);
  const values = new Float32Array(sample.length * width);
  sample.forEach((row, i) => {
    values.set(rows.values.subarray(row * width, (row + 1) * width), i * width);
  });
  const scorer = new TreeScorer(trees);
  const scores = new Float64Array(sample.length);
  const taken = Float64Array.from({ length: last + 1 }, (_, place) => {
    for (let i = 0; i < sample.length; i++) values[i * width + position] = place;
    scorer.score(values, sample.length, scores);
    return scores.reduce((sum, score) => sum + 1 / (1 + Math.exp(-score)), 0) / sample.length;
  });
  return taken.map((share) => Math.min(1, Math.max(LEAST, share / (taken[0] as number))));
}

/**
 * The rows as if places made no difference: what was taken weighs by the inverse of its place's propensity (Joachims et
 * al. 2017), and no row tells its place. What was taken at an unknown place weighs as before.
 */
export function withoutPlaces(rows: TrainingRows, position: number, byPlace: Float64Array): TrainingRows {
  const width = rows.columns.length;
  const values = rows.values.slice();
  const weights = rows.weights?.slice() ?? new Float32Array(rows.rows).fill(1);
  for (let row = 0; row < rows.rows; row++) {
    const place = values[row * width + position] as number;
    values[row * width + position] = Number.NaN;
    if (Number.isNaN(place) || (rows.labels[row] as number) === 0) continue;
    weights[row] = (weights[row] as number) / (byPlace[Math.min(place, byPlace.length - 1)] as number);
  }
  return { ...rows, values, weights };
}
