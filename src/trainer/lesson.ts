/** What a model's role makes of a snapshot: what there is to learn from it, and how well that was learned. */
import type {
  Interval,
  ManifestFile,
  MetricValues,
  TrainedModel,
  Training,
  VersionContents,
  VersionFiles,
} from '#models';

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
  /** The metric that a training may be stopped by. */
  readonly validatedBy: string;
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
