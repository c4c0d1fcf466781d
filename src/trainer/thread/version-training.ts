import { join } from 'node:path';
import {
  candidateOf,
  defaultModel,
  ITEM_VECTORS_FILE,
  localArtifacts,
  type Model,
  modelNamed,
  openVersion,
  readCalibration,
  type TrainedModel,
  type Training,
  type TrainingHistory,
  type TrainingProgress,
  train,
  VALIDATED_BY,
  VERSIONS_DIRECTORY,
  type VersionFiles,
} from '#models';
import { errorCode, invariant } from '#platform';
import type { Candidate, ProductionComparison } from '#schemas';
import { differences } from '../intervals.ts';
import type { Judgements, Lesson, VersionTraining } from '../lesson.ts';
import { modelCard } from '../model-card.ts';
import { rankingLesson } from '../ranking/lesson.ts';
import { retrievalLesson } from '../retrieval/lesson.ts';
import { refuseOtherFeatures, verifyFiles } from '../snapshot-checks.ts';
import { CheckpointFiles } from './checkpoint-files.ts';
import { asMemoryError, asModelError, withProviderErrors } from './training-faults.ts';

/** A version in force, to be judged on the same rows. */
export type InForce = { readonly version: string; readonly directory: string };

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
 * calling thread for most of the time. Errors: those of verifyFiles, refuseOtherFeatures, the lesson and the model;
 * FatalError MR_TRAINING_OUT_OF_MEMORY, RetryableError MR_TRAINING_PROVIDER.
 */
export class VersionTrainer {
  readonly #what: VersionTraining;
  readonly #model: Model;
  #lesson: Lesson | undefined;
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
    // With a single epoch there is no earlier one to return to.
    const isStoppedEarly = judgedBy !== 'test' && patience > 0 && training.epochs > 1;
    const history = await train(withProviderErrors(training), {
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
      ...(isStoppedEarly && { earlyStopping: { metric: VALIDATED_BY[this.#model.role], patience } }),
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
    const { snapshot } = this.#what;
    await verifyFiles(this.#snapshotDirectory, snapshot);
    refuseOtherFeatures(snapshot);
    this.#lesson ??= await lessonOf(this.#model, this.#what);
    this.#training = await this.#lesson.open();
    return this.#training;
  }

  async #evaluate(inForce: InForce | undefined): Promise<TrainedVersion> {
    const { snapshot, dataDirectory, seed, config, judgedBy, base } = this.#what;
    const [lesson, training, history] = [this.#lesson, this.#training, this.#history];
    invariant(lesson !== undefined && training !== undefined && history !== undefined, 'train comes first');
    const { dimension, sizes, files } = await training.result();
    const judgements = await lesson.judge(files);
    const vectors = files[ITEM_VECTORS_FILE];
    const index = vectors && readCalibration(vectors);
    const described = {
      model: this.#model.name,
      snapshotId: snapshot.snapshot_id,
      seed,
      dimension,
      itemCount: lesson.items,
      ...(sizes && { sizes }),
      protocol: snapshot.protocol,
      ...(index && { index }),
      ...(lesson.textEncoder && { textEncoder: lesson.textEncoder }),
      metrics: judgements.model.metrics,
      popularity: judgements.popularity.metrics,
      decayedPopularity: judgements.decayedPopularity.metrics,
    };
    const isTrial = judgedBy === 'validation';
    const lineage = { snapshot, config, seed, base: base?.version ?? null, lesson, history };
    const version = isTrial
      ? ''
      : await localArtifacts(join(dataDirectory, VERSIONS_DIRECTORY)).write(described, {
          ...files,
          'card.md': Buffer.from(modelCard({ ...described, judgements, ...lineage })),
        });
    const candidate = candidateOf(version, described, {
      role: this.#model.role,
      intervals: judgements.intervals,
      production: isTrial ? null : await this.#compared(inForce, lesson, judgements),
    });
    return { candidate, judgements, losses: lossesOf(history) };
  }

  /** The version in force on the same rows: without metrics where it is not of a kind that can be judged on them, or damaged. */
  async #compared(
    inForce: InForce | undefined,
    lesson: Lesson,
    judgements: Judgements,
  ): Promise<ProductionComparison | null> {
    if (inForce === undefined) return null;
    const { version, directory } = inForce;
    const files = await filesInForce(join(this.#what.dataDirectory, directory));
    const theirs = files && (await lesson.judgeOther(files));
    if (theirs === undefined) return { version, metrics: {}, differences: {} };
    return { version, metrics: theirs.metrics, differences: differences(judgements.model, theirs) };
  }
}

function lessonOf(model: Model, what: VersionTraining): Promise<Lesson> {
  return model.role === 'ranking' ? rankingLesson(model, what) : retrievalLesson(model, what);
}

/** Undefined for one that is damaged or gone: what is to take its place must not depend on it. */
async function filesInForce(directory: string): Promise<VersionFiles | undefined> {
  try {
    return await openVersion(directory);
  } catch (error) {
    if (errorCode(error) === 'MR_VERSION_CORRUPT' || errorCode(error) === 'MR_VERSION_MISSING')
      return undefined;
    throw error;
  }
}

const lossesOf = ({ epochs }: TrainingHistory) => epochs.map(({ loss }) => loss);
