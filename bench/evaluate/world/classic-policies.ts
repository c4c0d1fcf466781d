import { isPositive } from '#features';
import {
  bitmapOf,
  decayedPopularity,
  type FittedRecommender,
  fitEase,
  fitIals,
  fitItemKnn,
  fitPopularity,
  InteractionMatrix,
  rankScores,
  sameForAll,
  tuneHalfLifeMs,
} from '#models';
import type { Interaction } from '#schemas';
import type { World } from '#simulator';
import { SHOWN, type Shown } from './value.ts';

/** What the classic models show, fitted on all positive events, with the parameters that served MovieLens 1M best. */
export function classicPolicies(world: World, events: readonly Interaction[]): Map<string, Shown> {
  const items = world.items().map(({ item_id }) => item_id);
  const numbers = new Map(items.map((item, number) => [item, number]));
  const positives = events.filter(isPositive);
  const user = Int32Array.from(positives, ({ user_id }) => Number(user_id.slice(1)) - 1);
  const item = Int32Array.from(positives, ({ item_id }) => numbers.get(item_id) as number);
  const timestamp = Float64Array.from(positives, ({ ts }) => ts);
  const matrix = InteractionMatrix.fromPairs({ user, item }, world.userCount, items.length);
  const pairs = { item, timestamp };
  const decay = { halfLifeMs: tuneHalfLifeMs(pairs, items.length), asOfMs: world.endsAt };
  const fitted: readonly (readonly [string, FittedRecommender])[] = [
    ['decayed popularity', sameForAll(decayedPopularity(pairs, items.length, decay))],
    ['popularity', fitPopularity(matrix)],
    ['item-knn', fitItemKnn(matrix, { neighbours: 50, shrinkage: 0 })],
    ['ease', fitEase(matrix, { regularisation: 200 })],
    ['ials', fitIals(matrix, { dim: 64, epochs: 10, unobservedWeight: 0.3, regularisation: 0.007 })],
  ];
  return new Map(fitted.map(([name, model]) => [name, shownBy(model, matrix, items)]));
}

function shownBy(model: FittedRecommender, matrix: InteractionMatrix, items: readonly string[]): Shown {
  return Array.from({ length: matrix.users }, (_, user) => {
    const had = matrix.itemsOf(user);
    const { ids } = rankScores(model.scores(had), SHOWN, bitmapOf(had, items.length));
    return Array.from(ids, (id) => items[id] as string);
  });
}
