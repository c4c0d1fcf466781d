import { ConfigurationError } from '#platform';
import { forEachCoOccurrenceRow } from '../implicit/co-occurrence.ts';
import type { InteractionMatrix } from '../implicit/interaction-matrix.ts';
import type { FittedRecommender } from '../implicit/port.ts';
import { invertPositiveDefinite } from '../linear-algebra/inverse.ts';
import { type ConfigOf, checkRanges, defaultsOf, type Parameters } from '../parameters.ts';
import { ItemWeights } from '../serving/item-weights.ts';
import { type Ranked, TopK } from '../top-k.ts';

export const easeParameters = {
  regularisation: {
    default: 500,
    range: 'above 0',
    about: 'λ, of the squared weights. Hundreds for a few thousand users, more for more.',
    search: { from: 50, to: 5000, log: true },
  },
  weightsPerItem: {
    default: 500,
    range: 'a whole number above 0',
    most: 100_000,
    about: 'Weights of an item that are served, the largest; a catalogue that has no more is served whole.',
  },
  historyLength: {
    default: 50,
    range: 'a whole number above 0',
    most: 10_000,
    about: 'Newest items of a history that count in answers.',
  },
} as const satisfies Parameters;

export type EaseOptions = Partial<ConfigOf<typeof easeParameters>> & {
  /** Told how many of the rows of the item matrix have been inverted so far. */
  readonly onProgress?: (rows: number) => void;
};

/** Scores by all weights, and what is served of them. */
export interface Ease extends FittedRecommender {
  /** The least squares that were come to, as in the definition, over the pairs that were had. */
  readonly loss: number;
  /** The largest weights of each item. */
  strongest(perItem: number, historyLength: number): ItemWeights;
}

/**
 * EASE, the "embarrassingly shallow autoencoder" (Steck 2019): the linear model X ≈ X B of items by items whose
 * diagonal is zero, so that no item explains itself. Its least squares have a closed form:
 *
 *     X  [users, items]   zeros and ones
 *     P  [items, items]   = (XᵀX + λ I)⁻¹
 *     B  [items, items]   = -P(i, j) / P(j, j), zero where i = j
 *     score(j | h)        = sum of B(i, j) over the items i of the history h
 *     loss                = |X - X B|² + λ |B|² = sum over j of 1 / P(j, j) - λ
 *
 * Memory: 12 bytes, time: half a multiplication times the items, for each pair of items.
 */
export function fitEase(interactions: InteractionMatrix, options: EaseOptions = {}): Ease {
  checkRanges('ease', easeParameters, options);
  const { regularisation = defaultsOf(easeParameters).regularisation, onProgress } = options;
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
  let loss = 0;
  for (let i = 0; i < items; i++) loss += 1 / (precision[i * items + i] as number) - regularisation;
  return fitted(items, weightsOf(precision, items), loss / Math.max(1, interactions.size));
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
function fitted(items: number, weights: Float32Array, loss: number): Ease {
  return {
    items,
    loss,
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
    strongest(perItem, historyLength) {
      const rows = Array.from({ length: items }, (_, item): Ranked => {
        const best = new TopK(Math.min(perItem, items));
        for (let other = 0; other < items; other++) {
          const weight = weights[other * items + item] as number;
          if (weight !== 0) best.offer(other, Math.abs(weight));
        }
        const { ids } = best.finish();
        return { ids, scores: Float32Array.from(ids, (id) => weights[id * items + item] as number) };
      });
      return ItemWeights.of(rows, historyLength);
    },
  };
}
