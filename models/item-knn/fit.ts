import { forEachCoOccurrenceRow } from '../implicit/co-occurrence.ts';
import type { InteractionMatrix } from '../implicit/interaction-matrix.ts';
import { type ConfigOf, checkRanges, defaultsOf, type Parameters } from '../parameters.ts';
import { ItemWeights } from '../serving/item-weights.ts';
import { type Ranked, TopK } from '../top-k.ts';

export const itemKnnParameters = {
  neighbours: {
    default: 100,
    range: 'a whole number above 0',
    most: 100_000,
    about: 'Neighbours of an item that count in its score.',
    search: [50, 100, 200, 400],
  },
  shrinkage: {
    default: 10,
    range: 'not below 0',
    about: 'Added to the denominator of the cosine: what few users have in common counts less.',
    search: [0, 10, 50],
  },
  historyLength: {
    default: 50,
    range: 'a whole number above 0',
    most: 10_000,
    about: 'Newest items of a history that count in answers.',
  },
} as const satisfies Parameters;

export type ItemKnnOptions = ConfigOf<typeof itemKnnParameters>;

/**
 * Item-based nearest neighbours (Sarwar et al. 2001; with shrinkage as in Ferrari Dacrema et al. 2019).
 *
 *     c(i, j)      users who had both items
 *     s(i, j)      = c(i, j) / (sqrt(c(i, i) c(j, j)) + shrinkage)
 *     score(j | h) = sum over i of s(i, j), of the i in the history h that are among the `neighbours` items
 *                    most similar to j
 *
 * Ties between equally similar neighbours go to the lower ids.
 */
export function fitItemKnn(
  interactions: InteractionMatrix,
  options: Partial<ItemKnnOptions> = {},
): ItemWeights {
  checkRanges('item-knn', itemKnnParameters, options);
  const { neighbours, shrinkage } = { ...defaultsOf(itemKnnParameters), ...options };
  const { items } = interactions;
  const norms = interactions.itemCounts().map(Math.sqrt);
  const nearest: Ranked[] = [];
  forEachCoOccurrenceRow(interactions, (item, counts) => {
    const best = new TopK(Math.min(neighbours, items));
    for (let other = 0; other < items; other++) {
      const common = counts[other] as number;
      if (common === 0 || other === item) continue;
      best.offer(other, common / ((norms[item] as number) * (norms[other] as number) + shrinkage));
    }
    nearest.push(best.finish());
  });
  return ItemWeights.of(nearest, options.historyLength);
}
