import {
  allTimePopularity,
  decayedPopularity,
  type Evaluation,
  type EvaluationInput,
  evaluate,
  FlatIndex,
  type Interactions,
  type MetricValues,
  popularityRanker,
  type Ranker,
  type TrainedTwoTower,
  tuneHalfLifeMs,
  UserEncoder,
} from '#models';
import type { Dataset } from './dataset.ts';

/** A ranker on the held-out pairs, with the values of each user for comparisons. */
export type Judgement = {
  readonly metrics: MetricValues;
  readonly perUser: { readonly 'recall@10': Float64Array; readonly 'ndcg@10': Float64Array };
};

/** The model beside the baselines, on the same users in the same order. */
export type Judgements = {
  readonly model: Judgement;
  readonly popularity: Judgement;
  readonly decayedPopularity: Judgement;
};

/** Users embedded in one run. */
const encodedAtOnce = 512;

/**
 * Ranks all items that a user has not had in training, for every user with held-out pairs. The baselines know the
 * training pairs alone: how many users took to an item, and the same with the half-life that fits them best, as of
 * the newest of them.
 */
export async function judge(
  dataset: Dataset,
  trained: TrainedTwoTower,
  historyLength: number,
): Promise<Judgements> {
  const { trainPairs, heldOut, data } = dataset;
  const seen = itemsByUser(trainPairs);
  const input = { items: data.items, heldOut: itemsByUser(heldOut), seen };
  const users = [...input.heldOut.keys()];
  const vectors = await userVectors(dataset, trained, users, historyLength);
  const index = FlatIndex.build(trained.itemVectors, trained.dim);
  const model: Ranker = (user, k, exclude) =>
    index.search(vectors.get(user) as Float32Array, k, { exclude }).ids;
  return {
    model: judgeRanker(model, input),
    popularity: judgeRanker(popularityRanker(allTimePopularity(trainPairs, data.items)), input),
    decayedPopularity: judgeRanker(popularityRanker(tunedPopularity(trainPairs, data.items)), input),
  };
}

function tunedPopularity(pairs: Interactions, items: number): Float64Array {
  const asOfMs = pairs.timestamp.at(-1) ?? 0;
  return decayedPopularity(pairs, items, { halfLifeMs: tuneHalfLifeMs(pairs, items), asOfMs });
}

function judgeRanker(rank: Ranker, input: Omit<EvaluationInput, 'k'>): Judgement {
  const at10: Evaluation = evaluate(rank, { ...input, k: 10 });
  const at100: Evaluation = evaluate(rank, { ...input, k: 100 });
  return {
    metrics: {
      'recall@10': at10.mean.recall,
      'ndcg@10': at10.mean.ndcg,
      'hr@10': at10.mean.hitRate,
      'recall@100': at100.mean.recall,
    },
    perUser: { 'recall@10': at10.perUser.recall, 'ndcg@10': at10.perUser.ndcg },
  };
}

/** Users as the responder would embed them when their training part ends: with the newest items of that part. */
async function userVectors(
  { data }: Dataset,
  { userTower, dim }: TrainedTwoTower,
  users: readonly number[],
  historyLength: number,
): Promise<Map<number, Float32Array>> {
  const histories = newestItems(data.train, historyLength);
  const { cardinalities, values } = data.profile;
  const width = cardinalities.length;
  const encoder = await UserEncoder.load(userTower);
  const vectors = new Map<number, Float32Array>();
  try {
    for (let from = 0; from < users.length; from += encodedAtOnce) {
      const batch = users.slice(from, from + encodedAtOnce);
      const encoded = await encoder.encode({
        users: Int32Array.from(batch),
        histories: batch.map((user) => histories.get(user) ?? []),
        profile: Int32Array.from(
          batch.flatMap((user) => [...values.subarray(user * width, (user + 1) * width)]),
        ),
      });
      batch.forEach((user, row) => {
        vectors.set(user, encoded.subarray(row * dim, (row + 1) * dim));
      });
    }
  } finally {
    await encoder.close();
  }
  return vectors;
}

/** Each user's items by their newest training example, newest first. */
function newestItems({ user, item }: Dataset['data']['train'], length: number): Map<number, number[]> {
  const newest = new Map<number, Set<number>>();
  for (let row = user.length - 1; row >= 0; row--) {
    const id = user[row] as number;
    const items = newest.get(id) ?? new Set();
    newest.set(id, items);
    if (items.size < length) items.add(item[row] as number);
  }
  return new Map(Array.from(newest, ([id, items]) => [id, [...items]]));
}

function itemsByUser({ user, item }: Pick<Interactions, 'user' | 'item'>): Map<number, number[]> {
  const items = new Map<number, number[]>();
  user.forEach((id, row) => {
    const own = items.get(id);
    if (own === undefined) items.set(id, [item[row] as number]);
    else own.push(item[row] as number);
  });
  return items;
}
