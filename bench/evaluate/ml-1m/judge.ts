import {
  evaluateSampled,
  evaluateScores,
  type InteractionMatrix,
  type ItemSets,
  type ScoredEvaluation,
} from '#models';
import type { Scores } from '../model.ts';
import type { HeldOut } from './data.ts';

export type Protocol = 'sampled' | 'full';
export type Judged = Readonly<Record<Protocol, ScoredEvaluation>>;

const KS = [10, 100];

/** Both protocols: the held-out item among its 99 negatives, and among all items that the user has not had in `train`. */
export function judge(scoresOfUser: Scores, train: InteractionMatrix, { held, negatives }: HeldOut): Judged {
  // Both protocols read the same scores; where a model solves for a user's vector, that is most of the time.
  const scores = negatives.map((_, user) => scoresOfUser(user));
  const scoresOf = (user: number) => scores[user] as Float32Array;
  const heldOut: ItemSets = new Map(Array.from(held, (item, user) => [user, [item]]));
  const seen: ItemSets = new Map(negatives.map((_, user) => [user, train.itemsOf(user)]));
  return {
    sampled: evaluateSampled(
      (user, candidates) => Float32Array.from(candidates, (item) => scoresOf(user)[item] as number),
      {
        ks: KS,
        heldOut,
        negatives: new Map(negatives.entries()),
      },
    ),
    full: evaluateScores(scoresOf, { items: train.items, ks: KS, heldOut, seen }),
  };
}
