import { join } from 'node:path';
import {
  candidateOf,
  checkedNeeds,
  type Dataset,
  defaultModel,
  type Execution,
  localArtifacts,
  type Model,
  type ModelConfig,
  modelNamed,
  modelOf,
  openVersion,
  type TrainedModel,
  type Training,
  type TrainingHistory,
  type TrainingProgress,
  train,
  VERSIONS_DIRECTORY,
  type VersionFiles,
} from '#models';
import { withScratchDuckDb } from '#offline';
import { errorCode, invariant } from '#platform';
import type { Candidate, ProductionComparison, Snapshot } from '#schemas';
import { type DatasetOptions, readDataset } from '../dataset.ts';
import {
  differences,
  type JudgedRows,
  type Judgements,
  judge,
  judgeScores,
  rowsToJudge,
} from '../evaluation.ts';
import { modelCard } from '../model-card.ts';
import { refuseOtherFeatures, verifyFiles } from '../snapshot-checks.ts';
import { withTitleVectors } from '../title-vectors.ts';
import { type ServedModel, scoresOf } from '../user-scores.ts';
import { CheckpointFiles } from './checkpoint-files.ts';
import { asMemoryError, asModelError, withProviderErrors } from './training-faults.ts';

export type VersionTraining = {
  readonly snapshot: Snapshot;
  readonly dataDirectory: string;
  readonly seed: number;
  /** The name of the model; the catalogue's first unless told otherwise. */
  readonly model?: string;
  /** What differs from the model's defaults. */
  readonly config: ModelConfig;
  /** By one thread on the CPU unless told otherwise. */
  readonly execution?: Execution;
  /** Whether it is judged, and stopped, by the validation part; neither unless told otherwise. */
  readonly judgedBy?: DatasetOptions['judgedBy'];
  /** Epochs without a better validation after which it stops; looked at unless judged by `test`. */
  readonly patience?: number;
  /** Where checkpoints lie, and how many updates are between them; none unless told. */
  readonly checkpoints?: { readonly directory: string; readonly everySteps: number };
  /** The version whose weights it begins with, and the snapshot that it was trained on: directories. */
  readonly base?: {
    readonly version: string;
    readonly versionDirectory: string;
    readonly snapshotDirectory: string;
  };
};

/** A version in force, to be judged on the same rows. */
export type InForce = { readonly version: string; readonly directory: string; readonly model: string };

export type TrainedVersion = {
  readonly candidate: Candidate;
  readonly judgements: Judgements;
  /** Mean loss of each epoch. */
  readonly losses: readonly number[];
};

/** What a training came to before it is judged. */
export type TrainingOutcome = {
  readonly losses: readonly number[];
  readonly chosenEpoch: number;
  readonly stoppedEarly: boolean;
  readonly provider: string;
  readonly fallbackReason: string | undefined;
};

export type StepControl = {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** At the end of an epoch: the mean of its losses, and what validation gives. */
  readonly onEpoch?: (epoch: number, step: number, values: Readonly<Record<string, number>>) => void;
};

/**
 * From a snapshot to a version, in two steps: `train`, then `evaluate`, which writes the version's directory. Blocks the
 * calling thread for most of the time. Errors: those of verifyFiles, refuseOtherFeatures, readDataset and the model;
 * FatalError MR_TRAINING_OUT_OF_MEMORY, RetryableError MR_TRAINING_PROVIDER.
 */
export class VersionTrainer {
  readonly #what: VersionTraining;
  readonly #model: Model;
  #dataset: Dataset | undefined;
  #training: Training<TrainedModel> | undefined;
  #history: TrainingHistory | undefined;

  constructor(what: VersionTraining) {
    this.#what = what;
    this.#model = what.model === undefined ? defaultModel : modelNamed(what.model);
  }

  /** Goes on from the newest checkpoint where there is one. */
  async train(control: StepControl): Promise<TrainingOutcome> {
    try {
      return await this.#train(control);
    } catch (error) {
      throw control.signal?.aborted ? error : asModelError(this.#model.name, asMemoryError(error));
    }
  }

  async #train({ signal, onProgress, onEpoch }: StepControl): Promise<TrainingOutcome> {
    const { checkpoints, judgedBy = 'test', patience = 0 } = this.#what;
    const training = await this.#open();
    const files = checkpoints && new CheckpointFiles(checkpoints.directory, this.#snapshotDirectory);
    const resumeFrom = await files?.load();
    const history = await train(withProviderErrors(training), {
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
      ...(judgedBy !== 'test' && patience > 0 && { earlyStopping: { metric: 'recall@10', patience } }),
      ...(files && { checkpoints: { everySteps: checkpoints.everySteps, save: (each) => files.save(each) } }),
      ...(resumeFrom && { resumeFrom }),
      onEpoch: ({ epoch, step, loss, metrics }) => onEpoch?.(epoch, step, { epoch_loss: loss, ...metrics }),
    });
    this.#history = history;
    const { provider, fallbackReason } = training;
    const { chosenEpoch, stoppedEarly } = history;
    return { losses: lossesOf(history), chosenEpoch, stoppedEarly, provider, fallbackReason };
  }

  /** Judges what `train` has made beside the baselines and the version in force, and writes it; a trial is only judged. */
  async evaluate(inForce: InForce | undefined): Promise<TrainedVersion> {
    try {
      return await this.#evaluate(inForce);
    } catch (error) {
      throw asModelError(this.#model.name, asMemoryError(error));
    }
  }

  async close(): Promise<void> {
    await this.#training?.close();
    this.#training = undefined;
  }

  get #snapshotDirectory(): string {
    return join(this.#what.dataDirectory, this.#what.snapshot.directory);
  }

  async #open(): Promise<Training<TrainedModel>> {
    await this.close();
    const { snapshot, dataDirectory, seed, config, execution, judgedBy = 'test', base } = this.#what;
    const { historyLength, textEncoder } = checkedNeeds(this.#model, config);
    const directory = this.#snapshotDirectory;
    await verifyFiles(directory, snapshot);
    refuseOtherFeatures(snapshot);
    this.#dataset ??= await readSnapshot(
      directory,
      {
        historyLength,
        judgedBy,
        ...(base && { learnedBefore: join(dataDirectory, base.snapshotDirectory) }),
      },
      textEncoder === undefined ? undefined : { path: textEncoder, dataDirectory },
    );
    this.#training = await this.#model.open(this.#dataset, config, seed, execution);
    if (base !== undefined) {
      const files = await openVersion(join(dataDirectory, base.versionDirectory));
      this.#model.refresh?.warmStart?.(this.#training, files, this.#dataset);
    }
    return this.#training;
  }

  async #evaluate(inForce: InForce | undefined): Promise<TrainedVersion> {
    const { snapshot, dataDirectory, seed, config, judgedBy, base } = this.#what;
    const [dataset, training, history] = [this.#dataset, this.#training, this.#history];
    invariant(dataset !== undefined && training !== undefined && history !== undefined, 'train comes first');
    const { dimension, files } = await training.result();
    const rows = rowsToJudge(dataset);
    const served = { model: this.#model, read: (name: string) => files[name] as Uint8Array };
    const judgements = judge(dataset, rows, await scoresOf(served, dataset, [...rows.heldOut.keys()]));
    const described = {
      model: this.#model.name,
      snapshotId: snapshot.snapshot_id,
      seed,
      dimension,
      itemCount: dataset.data.items,
      protocol: snapshot.protocol,
      ...(dataset.textEncoder && { textEncoder: dataset.textEncoder }),
      metrics: judgements.model.metrics,
      popularity: judgements.popularity.metrics,
      decayedPopularity: judgements.decayedPopularity.metrics,
    };
    const isTrial = judgedBy === 'validation';
    const lineage = { snapshot, config, seed, base: base?.version ?? null, dataset, history };
    const version = isTrial
      ? ''
      : await localArtifacts(join(dataDirectory, VERSIONS_DIRECTORY)).write(described, {
          ...files,
          'card.md': Buffer.from(modelCard({ ...described, judgements, ...lineage })),
        });
    const candidate = candidateOf(version, described, {
      role: this.#model.role,
      intervals: judgements.intervals,
      production: isTrial ? null : await this.#compared(inForce, { dataset, rows, judgements }),
    });
    return { candidate, judgements, losses: lossesOf(history) };
  }

  /** The version in force on the same rows: without metrics where it is not of a kind that can be judged on them, or damaged. */
  async #compared(
    inForce: InForce | undefined,
    { dataset, rows, judgements }: { dataset: Dataset; rows: JudgedRows; judgements: Judgements },
  ): Promise<ProductionComparison | null> {
    if (inForce === undefined) return null;
    const { version, directory } = inForce;
    const model = modelOf(inForce.model);
    const served = model && (await servedModel(model, join(this.#what.dataDirectory, directory)));
    if (served === undefined) return { version, metrics: {}, differences: {} };
    const theirs = judgeScores(await scoresOf(served, dataset, [...rows.heldOut.keys()]), rows);
    return { version, metrics: theirs.metrics, differences: differences(judgements.model, theirs) };
  }
}

/** Undefined for one that is damaged or gone: what is to take its place must not depend on it. */
async function servedModel(model: Model, directory: string): Promise<ServedModel | undefined> {
  let files: VersionFiles;
  try {
    files = await openVersion(directory);
  } catch (error) {
    if (errorCode(error) === 'MR_VERSION_CORRUPT' || errorCode(error) === 'MR_VERSION_MISSING')
      return undefined;
    throw error;
  }
  return { model, read: (name) => files.read(name) };
}

async function readSnapshot(
  directory: string,
  options: DatasetOptions,
  encoder: Parameters<typeof withTitleVectors>[1] | undefined,
): Promise<Dataset> {
  const dataset = await withScratchDuckDb((database) => readDataset(database, directory, options));
  return encoder === undefined ? dataset : withTitleVectors(dataset, encoder);
}

const lossesOf = ({ epochs }: TrainingHistory) => epochs.map(({ loss }) => loss);
