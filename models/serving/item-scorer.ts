import type { ContextFeatures, Profile } from '#schemas';
import { RowProducts } from '../linear-algebra/row-products.ts';
import { Vocabulary } from '../vocabulary.ts';
import { NO_PLACE, placesIn } from './item-places.ts';
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
  /** [items]; the same for some of them. */
  ofSome(row: number, items: Int32Array): Float32Array;
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

/** Blocks the thread that it is called on. `parse`: for who holds several of one vocabulary. Errors: MR_MODEL_UNREADABLE, MR_VERSION_CORRUPT, MR_MODEL_CHECKPOINT. */
export async function openItemScorer(
  serving: Serving,
  read: (name: string) => Uint8Array,
  parse: (bytes: Uint8Array) => Vocabulary = Vocabulary.parse,
): Promise<ItemScorer> {
  const vocabulary = parse(read(VOCABULARY_FILE));
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
      const of = (row: number, item: number) => {
        let sum = 0;
        for (let i = row * dim, at = item * dim; at < (item + 1) * dim; i++, at++) {
          sum += (vectors[i] as number) * (items[at] as number);
        }
        return sum;
      };
      return {
        of,
        ofSome: (row, some) => productsWith(vectors.subarray(row * dim, (row + 1) * dim), items, some),
        ofAll(row) {
          products ??= new RowProducts({ values: items, dim });
          return products.with(vectors.subarray(row * dim, (row + 1) * dim));
        },
      };
    },
    close: () => encoder.close(),
  };
}

/** Products of one vector with some of many, each added up in its order; two at a time, so that sums do not wait for each other. */
function productsWith(vector: Float32Array, all: Float32Array, some: Int32Array): Float32Array {
  const dim = vector.length;
  const products = new Float32Array(some.length);
  for (let i = 0; i < some.length; i += 2) {
    // Where they are odd in number, the last one twice.
    const j = Math.min(i + 1, some.length - 1);
    const [x, y] = [(some[i] as number) * dim, (some[j] as number) * dim];
    let [first, second] = [0, 0];
    for (let d = 0; d < dim; d++) {
      const value = vector[d] as number;
      first += value * (all[x + d] as number);
      second += value * (all[y + d] as number);
    }
    products[i] = first;
    products[j] = second;
  }
  return products;
}

/** Scores of one user at a time are kept. */
function scoresByWeights(weights: ItemWeights, users: readonly UserInput[]): PreparedScores {
  let last: { readonly row: number; readonly scores: Float32Array } | undefined;
  const ofAll = (row: number) => {
    if (last?.row !== row) last = { row, scores: weights.scores((users[row] as UserInput).history) };
    return last.scores;
  };
  return {
    ofAll,
    of: (row, item) => ofAll(row)[item] as number,
    ofSome: (row, items) => weights.scores((users[row] as UserInput).history, items),
  };
}

/** A user in the terms of a version's vocabulary. */
export function userInputOf(
  vocabulary: Vocabulary,
  user: {
    readonly user: string;
    /** Newest first. */
    readonly recentItems: readonly string[];
    /** What the caller numbers these by, as ItemPlaces says; below 0 for those without a number. */
    readonly recentNumbers?: Int32Array;
    readonly profile: Profile | null;
    readonly context: ContextFeatures | null;
  },
): UserInput {
  return {
    user: vocabulary.userIndex(user.user),
    history: historyOf(vocabulary, user),
    profile: vocabulary.profileValues(user.profile),
    context: vocabulary.contextValues(user.context),
  };
}

function historyOf(
  vocabulary: Vocabulary,
  { recentItems, recentNumbers }: Parameters<typeof userInputOf>[1],
): number[] {
  if (recentNumbers === undefined) return vocabulary.historyIndices(recentItems);
  const history: number[] = [];
  for (const place of placesIn(vocabulary).of(recentItems, recentNumbers))
    if (place !== NO_PLACE) history.push(place);
  return history;
}
