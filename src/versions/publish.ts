import { featureViews, modelFeatures, recordViews } from '#features';
import {
  artifactsIn,
  candidateOf,
  EXTERNAL_MODEL,
  type ExternalManifest,
  readExternalModel,
  VERSIONS_DIRECTORY,
} from '#models';
import { InputError } from '#platform';
import { viewsOfModules } from '#processing';
import type { Candidate, CommandAnswer } from '#schemas';
import type { DataFiles } from '#storage';
import { type AskingOptions, askRegistry } from './ask-registry.ts';

export type PublishOptions = DataFiles & {
  /** Modules that declare feature views; models may read theirs as well. */
  readonly modules: readonly string[];
};

export type StoredModel = { readonly candidate: Candidate; readonly manifest: ExternalManifest };

/**
 * Verifies a model from outside and stores it as a version; nobody knows of it yet. Errors: those of readExternalModel;
 * InputError MR_MODEL_FEATURE.
 */
export async function storeExternalModel(
  directory: string,
  { modules, ...data }: PublishOptions,
): Promise<StoredModel> {
  const { manifest, contents } = await readExternalModel(directory);
  modelFeatures(manifest, [...featureViews, ...recordViews, ...(await viewsOfModules(modules))]);
  const { metrics, protocol } = manifest;
  const description = {
    model: EXTERNAL_MODEL,
    snapshotId: '',
    seed: 0,
    dimension: 0,
    itemCount: 0,
    protocol,
    metrics,
    popularity: {},
    decayedPopularity: {},
  };
  const version = await artifactsIn(data, VERSIONS_DIRECTORY).write(description, contents);
  const judged = { role: 'ranking', intervals: {}, production: null } as const;
  return { candidate: candidateOf(version, description, judged), manifest };
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
