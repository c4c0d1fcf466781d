import { bitmapOf } from '../top-k.ts';

/** Ranks items for a user: the ids of the k best, best first, without those in the bitmap `exclude`. */
export type Ranker = (user: number, k: number, exclude: Uint8Array) => ArrayLike<number>;

export type Metrics = {
  readonly recall: number;
  readonly precision: number;
  readonly ndcg: number;
  readonly hitRate: number;
};

/** Metrics of each user, in the order of `users`, and their means over users. */
export type Evaluation = {
  readonly users: Int32Array;
  readonly perUser: { readonly [metric in keyof Metrics]: Float64Array };
  readonly mean: Metrics;
};

export type EvaluationInput = {
  readonly items: number;
  readonly k: number;
  /** Items to be found, by user; users without any are left out. */
  readonly heldOut: ReadonlyMap<number, Iterable<number>>;
  /** Items that the user has had already: never ranked. */
  readonly seen: ReadonlyMap<number, Iterable<number>>;
};

/** Full ranking over all unseen items, with no sampled negatives (Krichene and Rendle 2020 say why). */
export function evaluate(rank: Ranker, { items, k, heldOut, seen }: EvaluationInput): Evaluation {
  const users = [...heldOut.keys()]
    .filter((user) => new Set(heldOut.get(user)).size > 0)
    .sort((a, b) => a - b);
  const column = () => new Float64Array(users.length);
  const perUser = { recall: column(), precision: column(), ndcg: column(), hitRate: column() };
  users.forEach((user, row) => {
    const exclude = bitmapOf(seen.get(user) ?? [], items);
    const metrics = rankingMetrics(rank(user, k, exclude), new Set(heldOut.get(user)), k);
    for (const name of metricNames) perUser[name][row] = metrics[name];
  });
  const mean = (values: Float64Array) =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return {
    users: Int32Array.from(users),
    perUser,
    mean: {
      recall: mean(perUser.recall),
      precision: mean(perUser.precision),
      ndcg: mean(perUser.ndcg),
      hitRate: mean(perUser.hitRate),
    },
  };
}

const metricNames = ['recall', 'precision', 'ndcg', 'hitRate'] as const;

/**
 * With h hits among the first k and n relevant items: recall = h / n, precision = h / k, hit rate = 1 if h > 0.
 * NDCG has binary gains and the discount 1 / log2(place + 1) (Järvelin and Kekäläinen 2002); the ideal ranking puts
 * min(n, k) relevant items first.
 */
export function rankingMetrics(ranked: ArrayLike<number>, relevant: ReadonlySet<number>, k: number): Metrics {
  let hits = 0;
  let gain = 0;
  for (let place = 0; place < Math.min(k, ranked.length); place++) {
    if (!relevant.has(ranked[place] as number)) continue;
    hits++;
    gain += 1 / Math.log2(place + 2);
  }
  let ideal = 0;
  for (let place = 0; place < Math.min(k, relevant.size); place++) ideal += 1 / Math.log2(place + 2);
  return {
    recall: relevant.size === 0 ? 0 : hits / relevant.size,
    precision: hits / k,
    ndcg: ideal === 0 ? 0 : gain / ideal,
    hitRate: hits > 0 ? 1 : 0,
  };
}
