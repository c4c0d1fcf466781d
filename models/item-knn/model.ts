import { matrixOf } from '../implicit/dataset.ts';
import { oneStepTraining } from '../implicit/one-step-training.ts';
import type { RetrievalModel } from '../model.ts';
import { configured } from '../parameters.ts';
import { fitItemKnn, itemKnnParameters } from './fit.ts';

export const itemKnnModel: RetrievalModel = {
  name: 'item-knn',
  role: 'retrieval',
  about: 'the items before, by how many users each has in common with another',
  parameters: itemKnnParameters,
  needs: (config) => configured(itemKnnParameters, config),
  async open(dataset, config, _seed, execution) {
    const options = configured(itemKnnParameters, config);
    const fit = () => ({ weights: fitItemKnn(matrixOf(dataset), options), loss: 0 });
    return oneStepTraining('item-knn', dataset, fit, execution);
  },
  refresh: { config: {} },
  serving: { kind: 'item-weights', answersSimilar: true },
};
