import { itemKnnModel } from '../item-knn/model.ts';
import { treeRanker } from '../trees/ranker/model.ts';
import { twoTowerModel } from '../two-tower/model.ts';

/** Stacked generalisation (Wolpert 1992): what one base model misses, another or a feature may see. */
export const stackedModel = treeRanker(
  'stacked',
  'boosted trees over the features, and over what two-tower and item-knn score',
  [twoTowerModel, itemKnnModel],
);
