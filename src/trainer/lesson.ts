/** What a model's role makes of a snapshot: what there is to learn from it, and how well that was learned. */
import type { AnyView, FeatureKind } from '#features';
import type {
  Execution,
  Interval,
  ManifestFile,
  MetricValues,
  ModelConfig,
  TrainedModel,
  Training,
  VersionContents,
  VersionFiles,
} from '#models';

import type { Snapshot } from '#schemas';

/**
 * Which part judges. `test`: what is learned from is the training and the validation part. `validated`: the training part
 * alone, so that the validation part can say when to stop. `validation`: as that, and it judges, too.
 */
export type JudgingPart = 'test' | 'validated' | 'validation';

/** What a ranker has to know of a view to read its rows in examples; another thread can have it. */
export type ExampleView = Pick<AnyView, 'name' | 'version' | 'entity'> & {
  readonly exampleField?: string | undefined;
  readonly columns: readonly { readonly name: string; readonly kind: FeatureKind }[];
};

export type VersionTraining = {
  readonly snapshot: Snapshot;
  readonly dataDirectory: string;
  readonly seed: number;
  /** The name of the model; the catalogue's first unless told otherwise. */
  readonly model?: string;
  /** What differs from the model's defaults. */
  readonly config: ModelConfig;
  /** Views of modules whose rows the snapshot has, for rankers; none by default. */
  readonly modules?: readonly ExampleView[];
  /** By one thread on the CPU unless told otherwise. */
  readonly execution?: Execution;
  /** Whether it is judged, and stopped, by the validation part; neither unless told otherwise. */
  readonly judgedBy?: JudgingPart;
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

/** A model on held-out rows, with the values of each user, or of each list, for comparisons. */
export type Judgement = {
  readonly metrics: MetricValues;
  readonly perUser: Readonly<Record<string, Float64Array>>;
};

/** The model beside the baselines, on the same users in the same order. */
export type Judgements = {
  readonly model: Judgement;
  readonly popularity: Judgement;
  readonly decayedPopularity: Judgement;
  /** 95% intervals of the model's metrics over users. */
  readonly intervals: Readonly<Record<string, Interval>>;
  /** What the card says beside the metrics, under headings of its own: tables of titles and rows. */
  readonly tables: readonly CardTable[];
};

export type CardTable = {
  readonly heading: string;
  readonly titles: readonly string[];
  readonly rows: readonly (readonly (string | number | undefined)[])[];
};

/** The lesson of one training. */
export interface Lesson {
  /** Items that the version knows. */
  readonly items: number;
  /** The files of the text encoder that has read titles, where one has. */
  readonly textEncoder?: readonly ManifestFile[] | undefined;
  /** What the card says of the model's use and its data. */
  readonly card: { readonly use: readonly string[]; readonly data: readonly string[] };
  open(): Promise<Training<TrainedModel>>;
  /** What has been trained, beside the baselines. */
  judge(files: VersionContents): Promise<Judgements>;
  /** A version on the same rows; undefined where it is not of a kind that can be judged on them. */
  judgeOther(version: VersionFiles): Promise<Judgement | undefined>;
}
