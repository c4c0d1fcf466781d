import { ConfigurationError } from '#platform';
import { invertPositiveDefinite } from '../linear-algebra/inverse.ts';
import { forEachCoOccurrenceRow } from './co-occurrence.ts';
import type { InteractionMatrix } from './interaction-matrix.ts';
import { checkOption } from './options.ts';
import type { FittedRecommender } from './port.ts';

export type EaseOptions = {
  /** λ, of the squared weights: the only parameter. Hundreds for a few thousand users, more for more. */
  readonly regularisation: number;
  /** Told how many of the rows of the item matrix have been inverted so far. */
  readonly onProgress?: (rows: number) => void;
};

export const easeDefaults: EaseOptions = { regularisation: 500 };

/**
 * EASE, the "embarrassingly shallow autoencoder" (Steck 2019): the linear model X ≈ X B of items by items whose
 * diagonal is zero, so that no item explains itself. Its least squares have a closed form:
 *
 *     X  [users, items]   zeros and ones
 *     P  [items, items]   = (XᵀX + λ I)⁻¹
 *     B  [items, items]   = -P(i, j) / P(j, j), zero where i = j
 *     score(j | h)        = sum of B(i, j) over the items i of the history h
 *
 * Memory: 12 bytes, time: half a multiplication times the items, for each pair of items.
 */
export function fitEase(
  interactions: InteractionMatrix,
  options: Partial<EaseOptions> = {},
): FittedRecommender {
  const { regularisation, onProgress } = { ...easeDefaults, ...options };
  checkOption('ease', 'regularisation', regularisation, 'above 0');
  const { items } = interactions;
  const precision = new Float64Array(items * items);
  forEachCoOccurrenceRow(interactions, (item, counts) => {
    precision.set(counts, item * items);
    precision[item * items + item] = (counts[item] as number) + regularisation;
  });
  if (!invertPositiveDefinite(precision, items, onProgress)) {
    throw new ConfigurationError('MR_MODEL_CONFIG', `ease: regularisation is ${regularisation}`, {
      hint: 'It is so small that the item matrix is singular to the precision of doubles: raise it.',
    });
  }
  return itemWeights(items, weightsOf(precision, items));
}

/** B, in single precision. */
function weightsOf(precision: Float64Array, items: number): Float32Array {
  const weights = new Float32Array(items * items);
  const diagonal = Float64Array.from({ length: items }, (_, i) => precision[i * items + i] as number);
  for (let i = 0; i < items; i++) {
    for (let j = 0; j < items; j++) {
      const at = i * items + j;
      weights[at] = i === j ? 0 : -(precision[at] as number) / (diagonal[j] as number);
    }
  }
  return weights;
}

/** Row i of the weights, [items, items], is what item i in a history adds to all scores. */
function itemWeights(items: number, weights: Float32Array): FittedRecommender {
  return {
    items,
    scores(history, candidates) {
      const scores = new Float32Array(candidates?.length ?? items);
      for (const item of history) {
        const row = weights.subarray(item * items, (item + 1) * items);
        for (let i = 0; i < scores.length; i++) {
          const column = candidates === undefined ? i : (candidates[i] as number);
          scores[i] = (scores[i] as number) + (row[column] as number);
        }
      }
      return scores;
    },
  };
}
