import { featureViews, modelFeatures, recordViews } from '#features';
import { artifactsIn, candidateOf, type OutsideModel, readOutside, VERSIONS_DIRECTORY } from '#models';
import { InputError } from '#platform';
import { viewsOfModules } from '#processing';
import type { Candidate, CommandAnswer } from '#schemas';
import type { DataFiles } from '#storage';
import { type AskingOptions, askRegistry } from './ask-registry.ts';

/** What a model from outside is worth here: the fields of a candidate that say so. */
export type OutsideJudgement = Pick<
  Candidate,
  'metrics' | 'popularity' | 'decayed_popularity' | 'intervals' | 'protocol'
>;

export type PublishOptions = DataFiles & {
  /** Modules that declare feature views; models may read theirs as well. */
  readonly modules: readonly string[];
  /** Judges it on our own rows; where it has no judgement, what the model says of itself counts. */
  readonly judge?: (model: OutsideModel) => Promise<OutsideJudgement | undefined>;
};

export type StoredModel = { readonly candidate: Candidate; readonly name: string };

/**
 * Verifies a model from outside and stores it as a version; nobody knows of it yet. Errors: those of readOutside and of
 * `judge`; InputError MR_MODEL_FEATURE.
 */
export async function storeExternalModel(
  directory: string,
  { modules, judge, ...data }: PublishOptions,
): Promise<StoredModel> {
  const outside = await readOutside(directory);
  const { role, model, name, dimension, items, index, features, contents } = outside;
  if (features !== undefined)
    modelFeatures(features, [...featureViews, ...recordViews, ...(await viewsOfModules(modules))]);
  const claimed = { popularity: {}, decayed_popularity: {}, intervals: {} };
  const judged = (await judge?.(outside)) ?? { ...outside, ...claimed };
  const description = {
    model,
    snapshotId: '',
    seed: 0,
    dimension,
    itemCount: items,
    protocol: judged.protocol,
    ...(index && { index }),
    metrics: judged.metrics,
    popularity: judged.popularity,
    decayedPopularity: judged.decayed_popularity,
  };
  const version = await artifactsIn(data, VERSIONS_DIRECTORY).write(description, contents);
  const { intervals } = judged;
  return { candidate: candidateOf(version, description, { role, intervals, production: null }), name };
}

/** Puts it up for promotion. Errors: those of askRegistry; InputError MR_VERSION_NOT_PROMOTABLE where it is archived. */
export async function publishCandidate(
  asking: AskingOptions,
  candidate: Candidate,
  actor: string,
): Promise<CommandAnswer> {
  const { version } = candidate;
  const answer = await askRegistry(asking, { kind: 'publish', candidate, actor });
  if (answer.status !== 'archived') return answer;
  throw new InputError('MR_VERSION_NOT_PROMOTABLE', `Version ${version} was archived, which is permanent.`, {
    hint: 'Publish a model that differs from it, or remove its files with: millrace versions collect.',
  });
}
