import { FatalError } from '#platform';
import { bitmapOf, inBitmap, TopK } from '../top-k.ts';
import {
  type Evaluation,
  evaluationOf,
  type ItemSets,
  type Metrics,
  meanOf,
  usersToJudge,
} from './ranking.ts';
import { expectedMetrics, groupsAuc, type TiedGroup, tiedGroups } from './ties.ts';

/** Scores of a user for all items, [items]; of a user for the candidates, in their order. Higher is better. */
export type Scorer = (user: number) => ArrayLike<number>;
export type CandidateScorer = (user: number, candidates: Int32Array) => ArrayLike<number>;

export type ScoredEvaluation = {
  /** By k, in the order requested. Ties are broken by chance (`expectedMetrics`). */
  readonly at: ReadonlyMap<number, Evaluation>;
  /** AUC of each user's ranking, in the order of the users, and the mean. */
  readonly auc: { readonly perUser: Float64Array; readonly mean: number };
  /** Each user's best items, as many as the largest k, best first, as they would be shown: ties by id. */
  readonly lists: readonly Int32Array[];
};

export type FullRanking = {
  readonly items: number;
  readonly ks: readonly number[];
  readonly heldOut: ItemSets;
  /** Never ranked. */
  readonly seen: ItemSets;
};

/** Every unseen item is ranked. */
export function evaluateScores(score: Scorer, { items, ks, heldOut, seen }: FullRanking): ScoredEvaluation {
  return evaluateEach(ks, heldOut, (user) => {
    const had = bitmapOf(seen.get(user) ?? [], items);
    const all = score(user);
    const candidates = new Int32Array(items);
    const scores = new Float64Array(items);
    let count = 0;
    for (let item = 0; item < items; item++) {
      if (inBitmap(had, item)) continue;
      candidates[count] = item;
      scores[count++] = all[item] as number;
    }
    return { candidates: candidates.subarray(0, count), scores: scores.subarray(0, count) };
  });
}

export type SampledRanking = {
  readonly ks: readonly number[];
  readonly heldOut: ItemSets;
  /** What the held-out items of the user are ranked among. */
  readonly negatives: ItemSets;
};

/**
 * The held-out items are ranked among negatives that someone drew before, as in "Neural Collaborative Filtering" (He et
 * al. 2017). For comparison with published figures: it can order models otherwise than the full ranking does
 * (Krichene and Rendle 2020).
 */
export function evaluateSampled(
  score: CandidateScorer,
  { ks, heldOut, negatives }: SampledRanking,
): ScoredEvaluation {
  return evaluateEach(ks, heldOut, (user) => {
    const candidates = Int32Array.from(
      new Set([...(heldOut.get(user) ?? []), ...(negatives.get(user) ?? [])]),
    );
    return { candidates, scores: score(user, candidates) };
  });
}

type Scored = { readonly candidates: Int32Array; readonly scores: ArrayLike<number> };

function evaluateEach(
  ks: readonly number[],
  heldOut: ItemSets,
  scored: (user: number) => Scored,
): ScoredEvaluation {
  const users = usersToJudge(heldOut);
  const metrics = ks.map((): Metrics[] => []);
  const auc = new Float64Array(users.length);
  const lists = users.map((user, row) => {
    const { candidates, scores } = scored(user);
    refuseNaN(user, scores);
    const relevant = new Set(heldOut.get(user));
    const groups = groupsOf(candidates, scores, relevant);
    ks.forEach((k, i) => {
      metrics[i]?.push(expectedMetrics(groups, relevant.size, k));
    });
    auc[row] = groupsAuc(groups, candidates.length);
    return bestOf(candidates, scores, Math.max(0, ...ks));
  });
  return {
    at: new Map(ks.map((k, i) => [k, evaluationOf(users, metrics[i] ?? [])])),
    auc: { perUser: auc, mean: meanOf(auc) },
    lists,
  };
}

function refuseNaN(user: number, scores: ArrayLike<number>): void {
  for (let i = 0; i < scores.length; i++) {
    if (!Number.isNaN(scores[i])) continue;
    throw new FatalError('MR_MODEL_DIVERGED', `a score of user ${user} is not a number`, {
      hint: 'The model has diverged: train it again with a lower learning rate or more regularisation.',
    });
  }
}

function groupsOf(
  candidates: Int32Array,
  scores: ArrayLike<number>,
  relevant: ReadonlySet<number>,
): TiedGroup[] {
  // Few are relevant, and a search for each is done by the engine: a look at each candidate takes ten times as long.
  const positions = Array.from(relevant, (item) => candidates.indexOf(item));
  return tiedGroups(
    scores,
    positions.filter((position) => position >= 0),
  );
}

function bestOf(candidates: Int32Array, scores: ArrayLike<number>, k: number): Int32Array {
  const best = new TopK(Math.min(k, candidates.length));
  for (let position = 0; position < candidates.length; position++) {
    const score = scores[position] as number;
    if (score >= best.threshold) best.offer(candidates[position] as number, score);
  }
  return best.finish().ids;
}
