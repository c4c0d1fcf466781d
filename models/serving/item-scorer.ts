import type { ContextFeatures, Profile } from '#schemas';
import { RowProducts } from '../linear-algebra/row-products.ts';
import { Vocabulary } from '../vocabulary.ts';
import { readItemVectors } from './item-vectors.ts';
import { ItemWeights } from './item-weights.ts';
import {
  ITEM_VECTORS_FILE,
  ITEM_WEIGHTS_FILE,
  type Serving,
  type UserInput,
  VOCABULARY_FILE,
} from './port.ts';

/** Scores for the users of rows, in the version's own indices. */
export type PreparedScores = {
  of(row: number, item: number): number;
  /** [items] */
  ofAll(row: number): Float32Array;
};

/** Scores items for users by the files of a version, as the responder would. */
export interface ItemScorer {
  readonly vocabulary: Vocabulary;
  /** Scores for these users, a row each. */
  prepare(users: readonly UserInput[]): Promise<PreparedScores>;
  close(): Promise<void>;
}

/** Users embedded in one run. */
const ENCODED_AT_ONCE = 512;

/** Blocks the thread that it is called on. Errors: MR_MODEL_UNREADABLE, MR_VERSION_CORRUPT, MR_MODEL_CHECKPOINT. */
export async function openItemScorer(
  serving: Serving,
  read: (name: string) => Uint8Array,
): Promise<ItemScorer> {
  const vocabulary = Vocabulary.parse(read(VOCABULARY_FILE));
  if (serving.kind === 'item-weights') {
    const weights = ItemWeights.parse(read(ITEM_WEIGHTS_FILE));
    return { vocabulary, prepare: async (users) => scoresByWeights(weights, users), close: async () => {} };
  }
  const { dim, vectors: items } = readItemVectors(read(ITEM_VECTORS_FILE));
  const encoder = await serving.encoder(
    Object.fromEntries(serving.encoderFiles.map((name) => [name, read(name)])),
  );
  return {
    vocabulary,
    async prepare(users) {
      const vectors = new Float32Array(users.length * dim);
      for (let from = 0; from < users.length; from += ENCODED_AT_ONCE) {
        vectors.set(await encoder.encode(users.slice(from, from + ENCODED_AT_ONCE)), from * dim);
      }
      let products: RowProducts | undefined;
      return {
        of(row, item) {
          let sum = 0;
          for (let i = row * dim, at = item * dim; at < (item + 1) * dim; i++, at++) {
            sum += (vectors[i] as number) * (items[at] as number);
          }
          return sum;
        },
        ofAll(row) {
          products ??= new RowProducts({ values: items, dim });
          return products.with(vectors.subarray(row * dim, (row + 1) * dim));
        },
      };
    },
    close: () => encoder.close(),
  };
}

/** Scores of one user at a time are kept. */
function scoresByWeights(weights: ItemWeights, users: readonly UserInput[]): PreparedScores {
  let last: { readonly row: number; readonly scores: Float32Array } | undefined;
  const ofAll = (row: number) => {
    if (last?.row !== row) last = { row, scores: weights.scores((users[row] as UserInput).history) };
    return last.scores;
  };
  return { ofAll, of: (row, item) => ofAll(row)[item] as number };
}

/** A user in the terms of a version's vocabulary. */
export function userInputOf(
  vocabulary: Vocabulary,
  user: {
    readonly user: string;
    /** Newest first. */
    readonly recentItems: readonly string[];
    readonly profile: Profile | null;
    readonly context: ContextFeatures | null;
  },
): UserInput {
  return {
    user: vocabulary.userIndex(user.user),
    history: vocabulary.historyIndices(user.recentItems),
    profile: vocabulary.profileValues(user.profile),
    context: vocabulary.contextValues(user.context),
  };
}
