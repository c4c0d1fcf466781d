import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FlatIndex,
  localArtifacts,
  type TrainingControl,
  type TwoTowerConfig,
  trainTwoTower,
  twoTowerDefaults,
} from '#models';
import { fingerprint, withDuckDb } from '#offline';
import { errorCode, FatalError } from '#platform';
import type { Candidate, Snapshot } from '#schemas';
import { type Dataset, readDataset } from './dataset.ts';
import { type Judgements, judge } from './evaluation.ts';

export const versionsDirectory = 'versions';

export type VersionTraining = {
  readonly snapshot: Snapshot;
  readonly dataDirectory: string;
  readonly seed: number;
  /** What differs from the model's defaults. */
  readonly config: Partial<Omit<TwoTowerConfig, 'seed'>>;
};

export type TrainedVersion = {
  readonly candidate: Candidate;
  readonly judgements: Judgements;
  /** Mean loss of each epoch. */
  readonly losses: readonly number[];
};

/**
 * From a snapshot to a version: verifies the files, trains, judges, and writes the version's directory. Blocks the
 * calling thread for most of its time. Errors: FatalError MR_SNAPSHOT_CORRUPT, MR_MODEL_DIVERGED.
 */
export async function trainVersion(
  { snapshot, dataDirectory, seed, config }: VersionTraining,
  control: TrainingControl,
): Promise<TrainedVersion> {
  const directory = join(dataDirectory, snapshot.directory);
  await verifySnapshot(directory, snapshot);
  const { historyLength } = { ...twoTowerDefaults, ...config };
  const dataset = await readSnapshot(directory, historyLength);
  const epochs = epochsFor(dataset.data.train.user.length);
  const trained = await trainTwoTower(dataset.data, { epochs, ...config, seed }, control);
  const judgements = await judge(dataset, trained, historyLength);
  const { vocabulary } = dataset;
  const described = {
    model: 'two-tower',
    snapshotId: snapshot.snapshot_id,
    seed,
    dimension: trained.dim,
    itemCount: vocabulary.itemCount,
    protocol: snapshot.protocol,
    metrics: judgements.model.metrics,
    popularity: judgements.popularity.metrics,
    decayedPopularity: judgements.decayedPopularity.metrics,
  } as const;
  const version = await localArtifacts(join(dataDirectory, versionsDirectory)).write(described, {
    'user-tower.onnx': trained.userTower,
    'items.index': FlatIndex.build(trained.itemVectors, trained.dim).save(),
    'vocabulary.json': vocabulary.toBytes(),
  });
  const candidate: Candidate = {
    version,
    snapshot_id: snapshot.snapshot_id,
    model: described.model,
    directory: `${versionsDirectory}/${version}`,
    dimension: described.dimension,
    items: described.itemCount,
    protocol: described.protocol,
    metrics: described.metrics,
    popularity: described.popularity,
    decayed_popularity: described.decayedPopularity,
  };
  return { candidate, judgements, losses: trained.losses };
}

/** Refuses a snapshot one of whose files is not the one that was written. */
async function verifySnapshot(directory: string, { files }: Snapshot): Promise<void> {
  for (const { name, bytes, sha256 } of files) {
    const path = join(directory, name);
    try {
      if ((await stat(path)).size !== bytes)
        throw corrupt(path, `does not have the ${bytes} bytes it was written with`);
    } catch (error) {
      throw errorCode(error) === 'ENOENT' ? corrupt(path, 'is not there', error) : error;
    }
    if ((await fingerprint(path)).sha256 !== sha256) {
      throw corrupt(path, 'has another SHA-256 than when it was written');
    }
  }
}

async function readSnapshot(directory: string, historyLength: number): Promise<Dataset> {
  const scratch = await mkdtemp(join(tmpdir(), 'millrace-train-'));
  try {
    return await withDuckDb(scratch, (database) => readDataset(database, directory, historyLength));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Examples seen in all that a model of this size needs, measured on 80,000 of MovieLens: six passes over those. */
const examplesToSee = 500_000;

/** Passes over the data: more over little of it, so that a small world is learned as well, fewer over much. */
function epochsFor(examples: number): number {
  return Math.min(12, Math.max(2, Math.round(examplesToSee / examples)));
}

function corrupt(path: string, problem: string, cause?: unknown): FatalError {
  return new FatalError('MR_SNAPSHOT_CORRUPT', `The snapshot's file ${path} ${problem}.`, {
    hint: 'Take a new snapshot: run `millrace train`.',
    ...(cause !== undefined && { cause }),
  });
}
