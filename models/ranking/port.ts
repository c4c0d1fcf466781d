/** How a version that ranks answers, whoever trained it. */
import type { ContextFeatures, Profile } from '#schemas';
import type { ScoreParts } from '../explanation/score-parts.ts';
import type { ExternalInput, ExternalManifest } from '../external/manifest.ts';

/** One feature of all items: a number, NaN where there is none, or a text, null where there is none. */
export type FeatureColumn = Float64Array | readonly (string | null)[];

/** Who is to be shown items, when and where, as the views and the log have it. */
export type Asking = {
  readonly user: string;
  /** Newest first. */
  readonly recentItems: readonly string[];
  /** What the caller numbers these by, as `numbers` of a query; below 0 for those without a number. */
  readonly recentNumbers?: Int32Array;
  readonly profile: Profile | null;
  readonly context: ContextFeatures | null;
};

export type RankingQuery = {
  readonly asking: Asking;
  readonly items: readonly string[];
  /** What the caller numbers the items by, the same always: who looks an item up in a table of its own need do so only once. */
  readonly numbers?: Int32Array;
  /** In the order of `inputs`, each of as many values as there are items. */
  readonly columns: readonly FeatureColumn[];
};

/**
 * What an answer is to bring, weighted: a shown item's score is the sum of what it is expected to bring of each, such as a click,
 * times the weight.
 */
export type Objectives = Readonly<Record<string, number>>;

/** What a ranker reads: inputs named by features, and the version of each view that it was trained with. */
export type RankerInputs = Pick<ExternalManifest, 'views'> & {
  readonly inputs: readonly Pick<ExternalInput, 'type' | 'features'>[];
};

/** Scores items for one user as its network does, before they become chances. Blocks the thread that it is called on. */
export interface ListScorer extends Pick<RankerInputs, 'inputs'> {
  /** [items]; `positions` are places in the answer, from 0, NaN where none is known; all are first where they are absent. */
  score(query: RankingQuery, positions?: Float32Array): Promise<Float64Array>;
  close(): Promise<void>;
}

/** Scores items for one user. Blocks the thread that it is called on. */
export interface ItemRanker extends RankerInputs {
  /** Whether scores are chances, from 0 to 1, that an item is taken. */
  readonly givesChances: boolean;
  /** [items]; higher is better. Errors: InputError MR_MODEL_PROBE where it can't be run over them. */
  score(query: RankingQuery): Promise<Float64Array>;
  /** What contributes to the score of the query's only item; absent where the ranker has no account of its own. */
  explain?(query: RankingQuery): Promise<ScoreParts>;
  close(): Promise<void>;
}
