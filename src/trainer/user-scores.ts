import { SequentialEncoder, type TwoTowerVocabulary, UserEncoder } from '#models';
import type { Dataset } from './dataset.ts';
import type { ItemScores } from './evaluation.ts';
import type { ModelName } from './thread/models.ts';

/** What answers are made of: the tower of users, and the vectors of items. */
export type ServedModel = {
  readonly model: ModelName;
  readonly userTower: Uint8Array;
  readonly itemVectors: Float32Array;
  readonly dim: number;
  /** By which it knows users and items. */
  readonly vocabulary: TwoTowerVocabulary;
};

/** Users embedded in one run. */
const encodedAtOnce = 512;

/**
 * The scores that a model gives the items of a dataset for its users, as the responder would embed them when their
 * training part ends: with the newest items of that part, in the moment of what they did next. A model of another
 * vocabulary is asked in its own terms; what it does not know it ranks last.
 */
export async function scoresOf(
  model: ServedModel,
  dataset: Dataset,
  users: readonly number[],
): Promise<ItemScores> {
  const { dim, itemVectors } = model;
  const vectors = await userVectors(model, dataset, users);
  const rows = itemRows(model, dataset);
  const score = (vector: Float32Array, item: number): number => {
    const row = rows[item] as number;
    if (row < 0) return Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (let i = 0, at = row * dim; i < dim; i++, at++) {
      sum += (vector[i] as number) * (itemVectors[at] as number);
    }
    return sum;
  };
  const vectorOf = (user: number) => vectors.get(user) as Float32Array;
  const scores = new Float64Array(rows.length);
  return {
    all: (user) => {
      const vector = vectorOf(user);
      for (let item = 0; item < scores.length; item++) scores[item] = score(vector, item);
      return scores;
    },
    some: (user, candidates) => Float64Array.from(candidates, (item) => score(vectorOf(user), item)),
  };
}

/** Of each item of the dataset, its row in the model's vectors; -1 where the model does not know it. */
function itemRows({ vocabulary }: ServedModel, dataset: Dataset): Int32Array {
  return Int32Array.from({ length: dataset.data.items }, (_, item) => {
    return vocabulary.itemIndex(dataset.vocabulary.itemId(item)) ?? -1;
  });
}

async function userVectors(
  { model, userTower, vocabulary, dim }: ServedModel,
  { users: known, newestItems, askedIn, vocabulary: own }: Dataset,
  users: readonly number[],
): Promise<Map<number, Float32Array>> {
  const historyOf = (user: number) =>
    vocabulary.historyIndices((newestItems.get(user) ?? []).map((item) => own.itemId(item)));
  const encoder =
    model === 'sequential' ? await SequentialEncoder.load(userTower) : await UserEncoder.load(userTower);
  const encode = (batch: readonly number[]): Promise<Float32Array> => {
    const histories = batch.map(historyOf);
    if (encoder instanceof SequentialEncoder) return encoder.encode(histories);
    return encoder.encode({
      users: Int32Array.from(batch, (user) => vocabulary.userIndex(known[user]?.id ?? '')),
      histories,
      profile: Int32Array.from(
        batch.flatMap((user) => vocabulary.profileValues(known[user]?.profile ?? null)),
      ),
      context: Int32Array.from(batch.flatMap((user) => vocabulary.contextValues(askedIn.get(user) ?? null))),
    });
  };
  const vectors = new Map<number, Float32Array>();
  try {
    for (let from = 0; from < users.length; from += encodedAtOnce) {
      const batch = users.slice(from, from + encodedAtOnce);
      const encoded = await encode(batch);
      batch.forEach((user, row) => {
        vectors.set(user, encoded.subarray(row * dim, (row + 1) * dim));
      });
    }
  } finally {
    await encoder.close();
  }
  return vectors;
}
