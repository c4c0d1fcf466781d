import { join } from 'node:path';
import { readExternalModel, type VersionContents } from '#models';
import type { Candidate } from '#schemas';
import type { TestWorld } from './world.ts';

/** The directory of a model from outside. */
export const fixture = join(import.meta.dirname, '../../../models/external/testing/fixtures/pytorch-towers');

/** Stores a model from outside as `millrace versions publish` does. */
export async function externalRanker(world: TestWorld, directory = fixture): Promise<Candidate> {
  const { contents } = await readExternalModel(directory);
  return stored(world, 'external', contents);
}

/** A version of models of the catalogue, of files that are given. */
export async function stored(
  world: TestWorld,
  model: string,
  contents: VersionContents,
  role: Candidate['role'] = 'ranking',
): Promise<Candidate> {
  const description = {
    model,
    snapshotId: '',
    seed: 0,
    dimension: 0,
    itemCount: 0,
    protocol: '',
  };
  const none = { metrics: {}, popularity: {}, decayedPopularity: {} };
  const version = await world.artifacts.write({ ...description, ...none }, contents);
  return {
    version,
    snapshot_id: '',
    model,
    directory: `versions/${version}`,
    dimension: 0,
    items: 0,
    protocol: '',
    metrics: {},
    popularity: {},
    decayed_popularity: {},
    role,
    run_id: null,
    intervals: {},
    sizes: {},
    production: null,
  };
}
