/** How a version answers. Evaluation and responder serve every model by one of these paths. */
import type { VersionContents } from '../artifact/port.ts';

/** Files that versions have in common, whatever the model. */
export const VOCABULARY_FILE = 'vocabulary.json';
/** Vectors of items: `item-vectors.ts`. */
export const ITEM_VECTORS_FILE = 'items.index';
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

export type Serving =
  /** Scores are inner products of a user's vector with those of `ITEM_VECTORS_FILE`. */
  | {
      readonly kind: 'vectors';
      /** What `encoder` reads. */
      readonly encoderFiles: readonly string[];
      /** Errors: MR_MODEL_UNREADABLE. */
      encoder(files: VersionContents): Promise<UserEncoding>;
    }
  /** Scores are sums over a user's history of the weights in `ITEM_WEIGHTS_FILE`. */
  | {
      readonly kind: 'item-weights';
      /** Whether an item's strongest weights are those of the items most like it. */
      readonly answersSimilar: boolean;
    };
