import { type Ranked, TopK } from '../top-k.ts';
import { forEachCoOccurrenceRow } from './co-occurrence.ts';
import type { InteractionMatrix } from './interaction-matrix.ts';
import { checkOption } from './options.ts';
import type { FittedRecommender } from './port.ts';

export type ItemKnnOptions = {
  /** Neighbours of an item that have a say in its score. */
  readonly neighbours: number;
  /** Added to the denominator of the cosine: what few users have in common counts less. */
  readonly shrinkage: number;
};

export const itemKnnDefaults: ItemKnnOptions = { neighbours: 100, shrinkage: 10 };

/**
 * Item-based nearest neighbours (Sarwar et al. 2001; with shrinkage as in Ferrari Dacrema et al. 2019).
 *
 *     c(i, j)      users who had both items
 *     s(i, j)      = c(i, j) / (sqrt(c(i, i) c(j, j)) + shrinkage)
 *     score(j | h) = sum over i of s(i, j), of the i in the history h that are among the `neighbours` items
 *                    most similar to j
 *
 * Of equally similar neighbours those of the lower ids are kept.
 */
export function fitItemKnn(
  interactions: InteractionMatrix,
  options: Partial<ItemKnnOptions> = {},
): FittedRecommender {
  const { neighbours, shrinkage } = { ...itemKnnDefaults, ...options };
  checkOption('item-knn', 'neighbours', neighbours, 'a whole number above 0');
  checkOption('item-knn', 'shrinkage', shrinkage, 'not below 0');
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
  return neighbourhood(nearest);
}

/** From the nearest of each item; kept the other way round: by item, what having it adds to which items' scores. */
function neighbourhood(nearest: readonly Ranked[]): FittedRecommender {
  const items = nearest.length;
  const starts = new Int32Array(items + 1);
  for (const { ids } of nearest) {
    for (const had of ids) starts[had + 1] = (starts[had + 1] as number) + 1;
  }
  for (let item = 0; item < items; item++) {
    starts[item + 1] = (starts[item + 1] as number) + (starts[item] as number);
  }
  const next = starts.slice(0, items);
  const scored = new Int32Array(starts[items] as number);
  const weights = new Float32Array(scored.length);
  nearest.forEach(({ ids, scores }, item) => {
    for (let i = 0; i < ids.length; i++) {
      const had = ids[i] as number;
      const at = next[had] as number;
      scored[at] = item;
      weights[at] = scores[i] as number;
      next[had] = at + 1;
    }
  });
  const scoreAll = (history: Int32Array): Float32Array => {
    const scores = new Float32Array(items);
    for (const item of history) {
      for (let at = starts[item] as number; at < (starts[item + 1] as number); at++) {
        const other = scored[at] as number;
        scores[other] = (scores[other] as number) + (weights[at] as number);
      }
    }
    return scores;
  };
  return {
    items,
    scores(history, candidates) {
      const all = scoreAll(history);
      return candidates === undefined ? all : Float32Array.from(candidates, (item) => all[item] as number);
    },
  };
}
