import { treeRanker } from './ranker/model.ts';

export const treesModel = treeRanker(
  'trees',
  'boosted trees over the features of the user, the item and the two',
  [],
);
