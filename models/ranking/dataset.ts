/** What rankers learn from: lists that users were shown, row by row, with what came of each item. */
import type { ContextFeatures, Profile } from '#schemas';
import type { Dataset } from '../dataset.ts';
import type { FeatureRows } from '../trees/ensemble.ts';
import type { Bags } from '../two-tower/data.ts';

/** Who was shown what, as rows refer to it. */
export type Shown = {
  /** Ids that `user`, `item` and `history` number from 0. */
  readonly users: readonly { readonly id: string; readonly profile: Profile | null }[];
  readonly items: readonly string[];
  /** Those that `moment` numbers. */
  readonly moments: readonly (ContextFeatures | null)[];
  /** [rows] */
  readonly user: Int32Array;
  readonly item: Int32Array;
  readonly moment: Int32Array;
  /** Recent items of each row's user at that moment, newest first. */
  readonly history: Bags;
};

export type RankingRows = FeatureRows & {
  readonly shown: Shown;
  /** List l is rows `lists[l] .. lists[l + 1] - 1`. */
  readonly lists: Int32Array;
  /** [rows]; how much came of it: 0 nothing, 1 a click, 2 completed, 3 liked, rated well or bought. */
  readonly grades: Float32Array;
  /** [rows]; place in the answer, from 0; NaN where no answer is known. */
  readonly positions: Float32Array;
  /** [rows]; what the item was bought for; 0 where it was not. */
  readonly revenues: Float32Array;
  /** [rows]; 1 for an item that nobody was shown, drawn evenly from all that there were, 0 for any other. */
  readonly drawn: Uint8Array;
};

/** What a column depends on alone: who is shown something, or what the catalogue says of the item. */
export type ColumnSubject = 'user' | 'catalogue';

export type RankingDataset = {
  /** Version of each view that the columns are of. */
  readonly views: Readonly<Record<string, number>>;
  /** By the name of a column; those that depend on more, or on time, are not in it. */
  readonly subjects: Readonly<Record<string, ColumnSubject>>;
  /** Learned from: later than all that `before` holds. */
  readonly train: RankingRows;
  readonly validation?: RankingRows;
  readonly heldOut: RankingRows;
  /** What base models learn from: what was done before the first row of `train`, and all but what is held out. */
  readonly retrieval?: { readonly before: Dataset; readonly whole: Dataset };
};
