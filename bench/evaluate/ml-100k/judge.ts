import { evaluateScores, heldOutAmong, longTail, type ScoredEvaluation } from '#models';
import type { Scores } from '../model.ts';
import type { Part } from './data.ts';

export type Judged = {
  readonly all: ScoredEvaluation;
  /** Of what is to be found, only the items of the long tail. */
  readonly longTail: ScoredEvaluation;
};

const KS = [10, 100];

/** Ranks all items that a user has not had in what is known, for each user who has something to be found. */
export function judge(scores: Scores, { known, heldOut }: Part): Judged {
  const { matrix, histories } = known;
  const ranking = { items: matrix.items, ks: KS, seen: new Map(histories.entries()) };
  const tail = heldOutAmong(heldOut, longTail(matrix.itemCounts()));
  return {
    all: evaluateScores(scores, { ...ranking, heldOut }),
    longTail: evaluateScores(scores, { ...ranking, heldOut: tail }),
  };
}
