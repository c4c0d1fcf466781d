/** How a version answers. Evaluation and responder serve every model by one of these paths. */
import type { VersionContents } from '../artifact/port.ts';

/** Files that versions have in common, whatever the model. */
export const VOCABULARY_FILE = 'vocabulary.json';
/** Vectors of items: `item-vectors.ts`. */
export const ITEM_VECTORS_FILE = 'items.index';
/** User vectors that calibrate an index built later: 32-bit floats, one vector after another. */
export const QUERIES_FILE = 'queries.vectors';
/** Ids of items in the order of the rows of an index, as JSON; of an index that came with a version, the vocabulary has them. */
export const ITEM_IDS_FILE = 'items.json';
/** Weights of items by items, an ItemWeights. */
export const ITEM_WEIGHTS_FILE = 'items.weights';

/** One user in the terms of the version's vocabulary. */
export type UserInput = {
  /** 0 for a user who was not trained. */
  readonly user: number;
  /** Items, newest first, of any length: cut where the model looks no further. */
  readonly history: readonly number[];
  readonly profile: readonly number[];
  readonly context: readonly number[];
};

/** Makes vectors of users. Blocks the thread that it is called on. */
export interface UserEncoding {
  readonly dim: number;
  /** [users, dim]; zeros for a user of whom the model knows nothing. */
  encode(users: readonly UserInput[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/** One item in the terms of the version's vocabulary. */
export type ItemInput = {
  /** Undefined for an item that was not trained. */
  readonly item: number | undefined;
  readonly features: readonly number[];
  readonly tags: readonly number[];
  readonly titleGrams: readonly number[];
};

/** Makes vectors of items, also of those that were not trained. Blocks the thread that it is called on. */
export interface ItemEncoding {
  readonly dim: number;
  /** [items, dim] */
  encode(items: readonly ItemInput[]): Promise<Float32Array>;
  close(): Promise<void>;
}

export type Serving =
  /** Scores are inner products of a user's vector with those of `ITEM_VECTORS_FILE`. */
  | {
      readonly kind: 'vectors';
      /** What `encoder` reads. */
      readonly encoderFiles: readonly string[];
      /** Errors: MR_MODEL_UNREADABLE. */
      encoder(files: VersionContents): Promise<UserEncoding>;
      /** Whether a vector is computed in less time than it takes to ask another thread for it; not, where it is absent. */
      isQuick?(files: VersionContents): boolean;
      /** How vectors of items are made of their metadata; absent where they are learned by the item alone. */
      readonly items?: {
        /** What `encoder` reads; a version without it can't. */
        readonly file: string;
        /** Errors: MR_MODEL_UNREADABLE. */
        encoder(tower: Uint8Array): Promise<ItemEncoding>;
      };
    }
  /** Scores are sums over a user's history of the weights in `ITEM_WEIGHTS_FILE`. */
  | {
      readonly kind: 'item-weights';
      /** Whether an item's strongest weights are those of the items most like it. */
      readonly answersSimilar: boolean;
    };
