import type { AnyView, FeatureTtls } from '#features';
import type { Log } from '#log';
import { defaultModel, type Execution, type ModelConfig } from '#models';
import {
  defaultLimits,
  defaultSplit,
  type NegativeOptions,
  type QualityLimits,
  type SnapshotOptions,
  type SplitOptions,
  type WaitingOptions,
} from '#offline';
import type { Clock, Logger, Progress } from '#platform';
import type { SnapshotRequest } from '#schemas';
import type { SharedFiles } from '#storage';
import type { Topics } from '#topologies';

/** What is trained, when it starts by itself, and what happens to a run that fails. */
export type TrainingPlan = {
  /** Trained side by side on the same snapshot. */
  readonly models: readonly string[];
  /** Models that rank, trained along with those when nobody asks. */
  readonly rankers: readonly string[];
  /** Models that know which items go with one another, likewise. */
  readonly similar: readonly string[];
  /** Five fields of cron, UTC, or `off`: full trainings. */
  readonly schedule: string;
  /** The same, for refreshing the version in force from new examples alone. */
  readonly refresh: string;
  /** The same, for an index of the whole catalogue, where it has changed since the last one. */
  readonly reindex: string;
  /** New examples that a refresh is worth. */
  readonly refreshExamples: number;
  /** What happens to a run that is due by itself while another is active. */
  readonly overlap: 'skip' | 'queue' | 'cancel';
  /** After which a run has failed; counted again by a process that goes on with it. */
  readonly deadlineMs: number;
  /** How often a step is tried again after an error that may pass. */
  readonly retries: number;
  /** Epochs without a better validation after which a training ends; 0 learns from the validation part as well. */
  readonly patience: number;
  /** Updates between two checkpoints. */
  readonly checkpointSteps: number;
};

/** Nothing starts by itself. */
export const defaultTraining: TrainingPlan = {
  models: [defaultModel.name],
  rankers: [],
  similar: [],
  schedule: 'off',
  refresh: 'off',
  reindex: 'off',
  refreshExamples: 1000,
  overlap: 'skip',
  deadlineMs: 6 * 3_600_000,
  retries: 3,
  patience: 0,
  checkpointSteps: 100,
};

export type TrainerOptions = {
  readonly log: Log;
  readonly topics: Topics;
  readonly dataDirectory: string;
  /** Where other processes have the versions, indexes and snapshots; the data directory alone has them where there is none. */
  readonly files?: SharedFiles | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress?: Progress;
  /** Seed of trainings for which none was given. */
  readonly seed: number;
  /** What differs from the models' defaults, for each model that knows the parameter. */
  readonly config?: ModelConfig;
  /** The same by the name of the model, over `config`. */
  readonly configOf?: Readonly<Record<string, ModelConfig>>;
  /** Where models are trained; by one thread on the CPU unless told otherwise. */
  readonly execution?: Execution;
  /** How snapshots are taken, when by themselves, and how many are kept. */
  readonly snapshots?: SnapshotPlan;
  readonly training?: TrainingPlan;
  /** Views of modules whose rows snapshots have; none by default. */
  readonly modules?: readonly AnyView[];
  /** Labels examples that still wait in a world that stands still; snapshots are without them otherwise. */
  readonly waiting?: WaitingOptions;
  /** This process's name among the trainers: started again under it, it goes on at once. */
  readonly instanceId: string;
};

/** How snapshots are taken where a command does not say otherwise, when, and how many are kept. */
export type SnapshotPlan = {
  /** Age of the last snapshot, and examples since then, after which one is taken and trained on; 0 for never. */
  readonly everyMs: number;
  readonly everyExamples: number;
  readonly split: SplitOptions;
  readonly negatives: NegativeOptions;
  /** As for answers. */
  readonly featureTtlMs: FeatureTtls;
  readonly limits: QualityLimits;
  /** Newest snapshots whose files are kept. */
  readonly keep: number;
};

export const defaultPlan: SnapshotPlan = {
  everyMs: 0,
  everyExamples: 0,
  split: defaultSplit,
  // Training draws its own negatives within a batch; drawing them with features takes longer than all the rest.
  negatives: { uniform: 0, byPopularity: 0, byCoVisits: 0, bySources: 0, seed: 1 },
  featureTtlMs: {},
  limits: defaultLimits,
  keep: 10,
};

/** The plan as a command wants it. */
export function requestedOptions(
  { split, negatives, limits, featureTtlMs }: SnapshotPlan,
  request: SnapshotRequest | null,
): Pick<SnapshotOptions, 'split' | 'negatives' | 'limits' | 'featureTtlMs'> {
  const by = request?.split === 'by_time' ? 'by-time' : 'per-user-last';
  const drawn = {
    uniform: request?.uniform_negatives ?? negatives.uniform,
    byPopularity: request?.popular_negatives ?? negatives.byPopularity,
    byCoVisits: request?.co_visit_negatives ?? negatives.byCoVisits,
    bySources: request?.source_negatives ?? negatives.bySources,
    seed: negatives.seed,
  };
  const { uniform, byPopularity, byCoVisits, bySources } = drawn;
  return {
    limits,
    featureTtlMs,
    split: request?.split == null ? split : { ...split, by },
    ...(uniform + byPopularity + byCoVisits + bySources > 0 && { negatives: drawn }),
  };
}
