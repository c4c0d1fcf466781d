import { itemKnnModel } from '../item-knn/model.ts';
import type { RetrievalModel } from '../model.ts';

/**
 * The same as item-kNN, beside the model that finds items for users: which items are visited along with one another, for
 * candidates of a ranker and for similar items.
 */
export const coVisitsModel: RetrievalModel = {
  ...itemKnnModel,
  name: 'co-visits',
  role: 'similar',
  about:
    'which items users visit along with one another: candidates beside those of the index, and similar items',
};
