import {
  type Dataset,
  FlatIndex,
  ITEM_VECTORS_FILE,
  ITEM_WEIGHTS_FILE,
  ItemWeights,
  type Model,
  type UserInput,
  VOCABULARY_FILE,
  Vocabulary,
} from '#models';
import type { ItemScores } from './evaluation.ts';

/** What answers are made of: a model, and the files of a version. */
export type ServedModel = { readonly model: Model; readonly read: (name: string) => Uint8Array };

/** The score that a user's vector or history gives an item, both in the model's own terms. */
type Score = (user: number, item: number) => number;

/** Users embedded in one run. */
const ENCODED_AT_ONCE = 512;

/**
 * The scores that a model gives the items of a dataset for its users, as the responder would compute them when their
 * training part ends: with the newest items of that part, in the moment of what they did next. A model of another
 * vocabulary is asked in its own terms; what it does not know it ranks last.
 */
export async function scoresOf(
  served: ServedModel,
  dataset: Dataset,
  users: readonly number[],
): Promise<ItemScores> {
  const vocabulary = Vocabulary.parse(served.read(VOCABULARY_FILE));
  const inputOf = (user: number) => inputIn(vocabulary, dataset, user);
  const own = await scoreOf(served, users, inputOf);
  const rows = Int32Array.from({ length: dataset.data.items }, (_, item) => {
    return vocabulary.itemIndex(dataset.vocabulary.itemId(item)) ?? -1;
  });
  const score: Score = (user, item) => {
    const row = rows[item] as number;
    return row < 0 ? Number.NEGATIVE_INFINITY : own(user, row);
  };
  const scores = new Float64Array(rows.length);
  return {
    all: (user) => {
      for (let item = 0; item < scores.length; item++) scores[item] = score(user, item);
      return scores;
    },
    some: (user, candidates) => Float64Array.from(candidates, (item) => score(user, item)),
  };
}

/** A user of the dataset in the terms of another vocabulary. */
function inputIn(
  vocabulary: Vocabulary,
  { users, newestItems, askedIn, vocabulary: own }: Dataset,
  user: number,
): UserInput {
  const { id = '', profile = null } = users[user] ?? {};
  return {
    user: vocabulary.userIndex(id),
    history: vocabulary.historyIndices((newestItems.get(user) ?? []).map((item) => own.itemId(item))),
    profile: vocabulary.profileValues(profile),
    context: vocabulary.contextValues(askedIn.get(user) ?? null),
  };
}

async function scoreOf(
  { model, read }: ServedModel,
  users: readonly number[],
  inputOf: (user: number) => UserInput,
): Promise<Score> {
  const { serving } = model;
  if (serving.kind === 'vectors') {
    const { dim, vectors: items } = FlatIndex.vectorsIn(read(ITEM_VECTORS_FILE));
    const encoder = await serving.encoder(
      Object.fromEntries(serving.encoderFiles.map((name) => [name, read(name)])),
    );
    const vectors = new Map<number, Float32Array>();
    try {
      for (let from = 0; from < users.length; from += ENCODED_AT_ONCE) {
        const batch = users.slice(from, from + ENCODED_AT_ONCE);
        const encoded = await encoder.encode(batch.map(inputOf));
        batch.forEach((user, row) => {
          vectors.set(user, encoded.subarray(row * dim, (row + 1) * dim));
        });
      }
    } finally {
      await encoder.close();
    }
    return (user, item) => {
      const vector = vectors.get(user) as Float32Array;
      let sum = 0;
      for (let i = 0, at = item * dim; i < dim; i++, at++) {
        sum += (vector[i] as number) * (items[at] as number);
      }
      return sum;
    };
  }
  const weights = ItemWeights.parse(read(ITEM_WEIGHTS_FILE));
  let last: { readonly user: number; readonly scores: Float32Array } | undefined;
  return (user, item) => {
    if (last?.user !== user) last = { user, scores: weights.scores(inputOf(user).history) };
    return last.scores[item] as number;
  };
}
