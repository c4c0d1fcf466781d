/** What a model declares of itself: trainer, evaluation, responder, command line and documentation read it from here. */
import type { VersionContents, VersionFiles } from './artifact/port.ts';
import type { Dataset } from './dataset.ts';
import { checkConfig, type ModelConfig, type Parameters } from './parameters.ts';
import type { RankingDataset, RankingRows } from './ranking/dataset.ts';
import type { ItemRanker, Objectives } from './ranking/port.ts';
import type { Serving } from './serving/port.ts';
import type { Execution, Training } from './training.ts';
import type { Column } from './trees/ensemble.ts';

/** What of a snapshot a model reads, beyond the pairs of users and items. */
export type SnapshotNeeds = {
  /** Items of a user's history that it looks at. */
  readonly historyLength: number;
  /** Path of the ONNX file that reads the titles of items. */
  readonly textEncoder?: string;
};

/** What a training comes to: the files of a version, but for its card. */
export type TrainedModel = {
  /** Length of the vectors; 0 where there are none. */
  readonly dimension: number;
  /** What it consists of beside vectors, by name, such as `trees`. */
  readonly sizes?: Readonly<Record<string, number>>;
  readonly files: VersionContents;
};

type Described = {
  /** In versions, runs, options and on the command line. */
  readonly name: string;
  /** What it makes recommendations from, for help and documentation. */
  readonly about: string;
  readonly parameters: Parameters;
};

/**
 * Finds the items that a user may take to, out of all: as the one that answers (`retrieval`), or as one beside it that knows
 * which items go with one another (`similar`), whose serving answers similar items.
 */
export type RetrievalModel = Described & {
  readonly role: 'retrieval' | 'similar';
  /** `config` has been checked by the declaration. */
  needs(config: ModelConfig): SnapshotNeeds;
  /** Opens a training, which `train` steps from checkpoint to checkpoint. Errors: MR_MODEL_DATA, MR_MODEL_CONFIG. */
  open(
    dataset: Dataset,
    config: ModelConfig,
    seed: number,
    execution?: Execution,
  ): Promise<Training<TrainedModel>>;
  /** How a version in force is trained on between full trainings; absent where it is not. */
  readonly refresh?: {
    /** What differs from the defaults then. */
    readonly config: ModelConfig;
    /** Puts what a version has learned into a training just opened; where absent, a refresh starts from scratch. */
    warmStart?(training: Training<TrainedModel>, version: VersionFiles, dataset: Dataset): void;
  };
  readonly serving: Serving;
};

/** Orders the items that another model has found, by features of the user and of each item. */
export type RankingModel = Described & {
  readonly role: 'ranking';
  /** The models whose scores it ranks by beside the features: trained along with it, on other rows than it learns from. */
  readonly bases: readonly RetrievalModel[];
  /**
   * Whether it scores some hundreds of items in a fraction of a millisecond: handing them to another thread and back would
   * take more than that. Absent: no.
   */
  readonly isQuick?: boolean;
  /** Items of a user's history that it reads itself; none where it is absent. `config` has been checked. */
  historyLength?(config: ModelConfig): number;
  /** Refuses a configuration that names columns other than these features and the model's own: MR_MODEL_CONFIG. */
  checkColumns?(config: ModelConfig, features: readonly Column[]): void;
  /** As a retrieval model's. */
  open(
    dataset: RankingDataset,
    config: ModelConfig,
    seed: number,
    execution?: Execution,
  ): Promise<Training<TrainedModel>>;
  /** What it can weigh against one another when it serves; by what it was trained for alone where it is absent. */
  readonly objectives?: readonly string[];
  /** Opens what its training has written; `objectives` are of those that it has. Errors: MR_MODEL_UNREADABLE, MR_MODEL_OBJECTIVE. */
  ranker(files: VersionContents, objectives?: Objectives): Promise<ItemRanker>;
  /** [rows]; the scores of the first base model in a version, by which items come to the ranker; undefined without one. */
  retrievalScores(files: VersionContents, rows: RankingRows): Promise<Float32Array | undefined>;
  /** How much each column that it reads matters to the order of lists, for the card; absent where it has no account of that. */
  importance?(files: VersionContents, rows: RankingRows): Promise<readonly ColumnImportance[]>;
};

export type ColumnImportance = {
  readonly name: string;
  /** Share of what all splits lowered the training loss by. */
  readonly gain: number;
  /** By how much NDCG@10 falls where the column has the values of other rows. */
  readonly lost: number;
};

export type Model = RetrievalModel | RankingModel;

/** The metric, higher is better, by which trainings of a role stop early and trials of a search compare. */
export const VALIDATED_BY: Readonly<Record<Model['role'], string>> = {
  retrieval: 'recall@10',
  similar: 'recall@10',
  ranking: 'ndcg@10',
};

/** Errors: ConfigurationError MR_MODEL_CONFIG, also for a name that the model does not declare. */
export function checkedNeeds(model: RetrievalModel, config: ModelConfig): SnapshotNeeds {
  checkConfig(model.name, model.parameters, config);
  return model.needs(config);
}
