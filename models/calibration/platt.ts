import { type Calibrator, checkLabelled, type Labelled } from './calibrator.ts';

const MAX_ITERATIONS = 100;
/** Keeps the Hessian positive where all scores are equal. */
const RIDGE = 1e-12;
const SMALLEST_GRADIENT = 1e-9;
const SHORTEST_STEP = 1e-10;
/** What part of the decrease that the gradient promises a step must have. */
const SUFFICIENT_DECREASE = 1e-4;

/**
 * Platt scaling (Platt 1999): the sigmoid with the least log loss, of targets that are drawn in from 0 and 1 as if each
 * class had been seen once more, so that one class only, or classes that a score separates, have a finite optimum. Newton
 * with backtracking (Lin, Lin and Weng 2007). Scores are standardised on the way, as theirs are of order 1. Errors:
 * InputError MR_MODEL_DATA, see `checkLabelled`.
 */
export function fitPlatt(labelled: Labelled): Calibrator {
  checkLabelled(labelled);
  const { labels } = labelled;
  const count = labels.length;
  const weights = Float64Array.from({ length: count }, (_, i) => labelled.weights?.[i] ?? 1);
  const { scores, mean, deviation } = standardised(labelled.scores, weights);
  let [positives, negatives] = [0, 0];
  for (let i = 0; i < count; i++) {
    if (labels[i] === 1) positives += weights[i] as number;
    else negatives += weights[i] as number;
  }
  const [high, low] = [(positives + 1) / (positives + 2), 1 / (negatives + 2)];

  const loss = (slope: number, intercept: number) => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const logit = slope * (scores[i] as number) + intercept;
      const target = labels[i] === 1 ? high : low;
      // log(1 + exp(logit)) - target * logit, without overflow.
      const softplus = Math.max(0, logit) + Math.log1p(Math.exp(-Math.abs(logit)));
      sum += (weights[i] as number) * (softplus - target * logit);
    }
    return sum;
  };

  let slope = 0;
  let intercept = Math.log((positives + 1) / (negatives + 1));
  let current = loss(slope, intercept);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    let [h11, h12, h22, g1, g2] = [RIDGE, 0, RIDGE, 0, 0];
    for (let i = 0; i < count; i++) {
      const [score, weight] = [scores[i] as number, weights[i] as number];
      const p = 1 / (1 + Math.exp(-(slope * score + intercept)));
      const residual = weight * (p - (labels[i] === 1 ? high : low));
      const curvature = weight * p * (1 - p);
      h11 += curvature * score * score;
      h12 += curvature * score;
      h22 += curvature;
      g1 += residual * score;
      g2 += residual;
    }
    if (Math.abs(g1) < SMALLEST_GRADIENT && Math.abs(g2) < SMALLEST_GRADIENT) break;
    const determinant = h11 * h22 - h12 * h12;
    const [d1, d2] = [-(h22 * g1 - h12 * g2) / determinant, -(h11 * g2 - h12 * g1) / determinant];
    const promised = g1 * d1 + g2 * d2;
    let step = 1;
    let next = current;
    for (; step >= SHORTEST_STEP; step /= 2) {
      next = loss(slope + step * d1, intercept + step * d2);
      if (next < current + SUFFICIENT_DECREASE * step * promised) break;
    }
    if (step < SHORTEST_STEP) break;
    slope += step * d1;
    intercept += step * d2;
    current = next;
  }
  return { kind: 'platt', slope: slope / deviation, intercept: intercept - (slope * mean) / deviation };
}

/** Scores of weighted mean 0 and standard deviation 1; all 0 where they are equal. */
function standardised(given: ArrayLike<number>, weights: Float64Array) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const average = (of: (score: number) => number) =>
    weights.reduce((sum, weight, i) => sum + (weight / total) * of(given[i] as number), 0);
  const mean = average((score) => score);
  const spread = Math.sqrt(average((score) => (score - mean) ** 2));
  // What rounding leaves of equal scores is no spread.
  const deviation = spread > 1e-12 * Math.abs(mean) ? spread : Number.POSITIVE_INFINITY;
  return {
    scores: Float64Array.from(weights, (_, i) => ((given[i] as number) - mean) / deviation),
    mean,
    deviation,
  };
}
