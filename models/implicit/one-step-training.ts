import { invariant } from '#platform';
import { type Checkpoint, unusable } from '../checkpoint.ts';
import type { Dataset } from '../dataset.ts';
import type { TrainedModel } from '../model.ts';
import { ItemWeights } from '../serving/item-weights.ts';
import { ITEM_WEIGHTS_FILE, VOCABULARY_FILE } from '../serving/port.ts';
import type { Execution, Training } from '../training.ts';
import { itemVocabulary, onCpu, validationMetrics } from './dataset.ts';

/**
 * The training of a model whose weights of items by items have a closed form: one step, of which there is nothing to go on
 * from in the middle. `loss` is 0 for a model that minimises nothing.
 */
export function oneStepTraining(
  model: string,
  dataset: Dataset,
  fit: () => { readonly weights: ItemWeights; readonly loss: number },
  execution?: Execution,
): Training<TrainedModel> {
  let weights: ItemWeights | undefined;
  return {
    epochs: 1,
    stepsPerEpoch: 1,
    ...onCpu(model, execution),
    async step() {
      const fitted = fit();
      weights = fitted.weights;
      return { loss: fitted.loss };
    },
    async validate() {
      return weights && validationMetrics(dataset, weights);
    },
    save: () => weights?.toCheckpoint() ?? { arrays: new Map(), values: null },
    restore(checkpoint: Checkpoint) {
      if (checkpoint.arrays.size === 0) throw unusable('it has no weights of items');
      weights = ItemWeights.fromCheckpoint(checkpoint);
    },
    async result() {
      invariant(weights !== undefined, 'a training has its step before its result');
      return {
        dimension: 0,
        files: { [ITEM_WEIGHTS_FILE]: weights.save(), [VOCABULARY_FILE]: itemVocabulary(dataset) },
      };
    },
    async close() {},
  };
}
