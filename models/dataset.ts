import type { ContextFeatures, Profile } from '#schemas';
import type { ManifestFile } from './artifact/port.ts';
import type { Interactions } from './evaluation/split.ts';
import type { TwoTowerData } from './two-tower/data.ts';
import type { Vocabulary } from './vocabulary.ts';

/** A snapshot as a model reads it: dense ids and typed arrays. */
export type Dataset = {
  readonly vocabulary: Vocabulary;
  readonly data: TwoTowerData;
  /** By index, from 1; 0 is the unknown user. */
  readonly users: readonly { readonly id: string; readonly profile: Profile | null }[];
  /** Title of each item; empty for one that the catalogue does not have. */
  readonly titles: readonly string[];
  /** The files of the text encoder that has read them, where one has. */
  readonly textEncoder?: readonly ManifestFile[];
  /** The training rows' pairs of user and item, each at the time of its first example. */
  readonly trainPairs: Interactions;
  /** Each user's items by their newest training example, newest first. */
  readonly newestItems: ReadonlyMap<number, readonly number[]>;
  /** The pairs to be found. */
  readonly heldOut: Pick<Interactions, 'user' | 'item'>;
  /** The moment of each user's first example among them: that in which a responder would have been asked. */
  readonly askedIn: ReadonlyMap<number, ContextFeatures>;
};
