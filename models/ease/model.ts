import { matrixOf } from '../implicit/dataset.ts';
import { oneStepTraining } from '../implicit/one-step-training.ts';
import type { RetrievalModel } from '../model.ts';
import { configured } from '../parameters.ts';
import { easeParameters, fitEase } from './fit.ts';

export const easeModel: RetrievalModel = {
  name: 'ease',
  role: 'retrieval',
  about: 'the items before, by the weights of a linear model of items by items',
  parameters: easeParameters,
  needs: (config) => configured(easeParameters, config),
  async open(dataset, config, _seed, execution) {
    const options = configured(easeParameters, config);
    const fit = () => {
      const fitted = fitEase(matrixOf(dataset), options);
      return { weights: fitted.strongest(options.weightsPerItem, options.historyLength), loss: fitted.loss };
    };
    return oneStepTraining('ease', dataset, fit, execution);
  },
  serving: { kind: 'item-weights', answersSimilar: false },
};
