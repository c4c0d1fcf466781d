/** The models that can be trained and served, one a line, beside those of modules; the first is trained where nobody chooses. */
import { ConfigurationError } from '#platform';
import { coVisitsModel } from './co-visits/model.ts';
import { dlrmModel } from './dlrm/model.ts';
import { easeModel } from './ease/model.ts';
import { externalServing } from './external/retrieval/directory.ts';
import { EXTERNAL_RETRIEVAL } from './external/retrieval/manifest.ts';
import { ialsModel } from './ials/model.ts';
import { itemKnnModel } from './item-knn/model.ts';
import type { Model, RankingModel, RetrievalModel } from './model.ts';
import { neuMfModel } from './neumf/model.ts';
import { sequentialModel } from './sequential/model.ts';
import type { Serving } from './serving/port.ts';
import { stackedModel } from './stacked/model.ts';
import { treesModel } from './trees/model.ts';
import { twoTowerModel } from './two-tower/model.ts';

export const models = [
  twoTowerModel, //
  sequentialModel,
  itemKnnModel,
  easeModel,
  ialsModel,
  coVisitsModel,
  stackedModel,
  treesModel,
  neuMfModel,
  dlrmModel,
] as const satisfies readonly Model[];

/** These, and those of modules that this thread has loaded. */
const known: Model[] = [...models];

export const modelNames = (): readonly string[] => known.map(({ name }) => name);

/** In this role. */
export const namesOf = (role: Model['role']): readonly string[] =>
  known.filter((each) => each.role === role).map(({ name }) => name);

export const knownModels = (): readonly Model[] => known;

export const defaultModel: RetrievalModel = models[0];

/** Trained after it, to rank what it retrieves. */
export const defaultRanker: RankingModel = stackedModel;

/** Also trained after it, to find similar items. */
export const defaultSimilar: RetrievalModel = coVisitsModel;

/** Undefined for a version of a kind that is not trained here. */
export function modelOf(name: string): Model | undefined {
  return known.find((each) => each.name === name);
}

/** Undefined for one that finds no items. */
export function retrievalModelOf(name: string): RetrievalModel | undefined {
  const model = modelOf(name);
  return model === undefined || model.role === 'ranking' ? undefined : model;
}

/** How a version answers, by the name of its model; undefined for one that finds no items, or whose model is not there. */
export function servingOf(name: string): Serving | undefined {
  return name === EXTERNAL_RETRIEVAL ? externalServing : retrievalModelOf(name)?.serving;
}

/** For model-modules.ts, which has checked it. */
export function addModel(model: Model): void {
  known.push(model);
}

/** Errors: ConfigurationError MR_MODEL_CONFIG. */
export function modelNamed(name: string): Model {
  const model = modelOf(name);
  if (model !== undefined) return model;
  throw new ConfigurationError('MR_MODEL_CONFIG', `There is no trainable model ${name}.`, {
    hint: `There is ${modelNames().join(', ')}.`,
  });
}
