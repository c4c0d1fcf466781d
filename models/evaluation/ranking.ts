import { bitmapOf } from '../top-k.ts';
import { expectedMetrics } from './ties.ts';

/** Ranks items for a user: the ids of the k best, best first, without those in the bitmap `exclude`. */
export type Ranker = (user: number, k: number, exclude: Uint8Array) => ArrayLike<number>;

/** At some k; all from 0 to 1, higher is better. What each is: `expectedMetrics`. */
export type Metrics = {
  readonly recall: number;
  readonly precision: number;
  readonly ndcg: number;
  readonly hitRate: number;
  readonly mrr: number;
  readonly map: number;
};

/** Metrics of each user, in the order of `users`, and their means over users. */
export type Evaluation = {
  readonly users: Int32Array;
  readonly perUser: { readonly [metric in keyof Metrics]: Float64Array };
  readonly mean: Metrics;
};

/** Items by user. */
export type ItemSets = ReadonlyMap<number, Iterable<number>>;

/** The items of pairs by their user, both in the order of the pairs. */
export function itemsByUser({
  user,
  item,
}: {
  readonly user: Int32Array;
  readonly item: Int32Array;
}): Map<number, number[]> {
  const items = new Map<number, number[]>();
  user.forEach((id, row) => {
    const own = items.get(id);
    if (own === undefined) items.set(id, [item[row] as number]);
    else own.push(item[row] as number);
  });
  return items;
}

export type EvaluationInput = {
  readonly items: number;
  readonly k: number;
  /** Items to be found, by user; users without any are left out. */
  readonly heldOut: ItemSets;
  /** Items that the user has had already: never ranked. */
  readonly seen: ItemSets;
};

/** Full ranking over all unseen items, with no sampled negatives (Krichene and Rendle 2020 say why). */
export function evaluate(rank: Ranker, { items, k, heldOut, seen }: EvaluationInput): Evaluation {
  const users = usersToJudge(heldOut);
  return evaluationOf(
    users,
    users.map((user) => {
      const exclude = bitmapOf(seen.get(user) ?? [], items);
      return rankingMetrics(rank(user, k, exclude), new Set(heldOut.get(user)), k);
    }),
  );
}

/** Metrics of the first k of a strict ranking, best first. An item that is listed again counts at its first place only. */
export function rankingMetrics(ranked: ArrayLike<number>, relevant: ReadonlySet<number>, k: number): Metrics {
  const left = new Set(relevant);
  const hits = Array.from(ranked)
    .map((id, before) => ({ id, before, size: 1, relevant: 1 }))
    .filter(({ id }) => left.delete(id));
  return expectedMetrics(hits, relevant.size, k);
}

/** Those with something to be found, in ascending order. */
export function usersToJudge(heldOut: ItemSets): number[] {
  return [...heldOut.keys()].filter((user) => new Set(heldOut.get(user)).size > 0).sort((a, b) => a - b);
}

/** The metrics of each user as columns, in the order of `users`. */
export function evaluationOf(users: readonly number[], metrics: readonly Metrics[]): Evaluation {
  const columns = metricNames.map((name) => [name, Float64Array.from(metrics, (each) => each[name])]);
  return withMeans(Int32Array.from(users), Object.fromEntries(columns) as Evaluation['perUser']);
}

export function withMeans(users: Int32Array, perUser: Evaluation['perUser']): Evaluation {
  const means = metricNames.map((name) => [name, meanOf(perUser[name])]);
  return { users, perUser, mean: Object.fromEntries(means) as Metrics };
}

export const metricNames = ['recall', 'precision', 'ndcg', 'hitRate', 'mrr', 'map'] as const;

/** 0 of no values. */
export function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
