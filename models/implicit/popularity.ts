import type { InteractionMatrix } from './interaction-matrix.ts';
import type { FittedRecommender } from './port.ts';

/** Scores each item by the number of its users; the history makes no difference. */
export function fitPopularity(interactions: InteractionMatrix): FittedRecommender {
  return sameForAll(interactions.itemCounts());
}

/** The same scores, [items], for everyone: what `decayedPopularity` gives, for one. */
export function sameForAll(itemScores: ArrayLike<number>): FittedRecommender {
  const all = Float32Array.from(itemScores);
  return {
    items: all.length,
    scores: (_history, candidates) =>
      candidates === undefined ? all.slice() : Float32Array.from(candidates, (item) => all[item] as number),
  };
}
