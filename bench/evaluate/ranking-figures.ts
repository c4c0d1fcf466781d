/** Figures of models that rank all items: with 95% bootstrap intervals over users, by segment, and of the lists themselves. */
import {
  bootstrapMean,
  coverage,
  diversity,
  type Evaluation,
  exposureGini,
  type InteractionMatrix,
  type Interval,
  novelty,
  popularityLift,
  type ScoredEvaluation,
  seededRandom,
} from '#models';
import { type Figure, printFigure } from '../figure.ts';

export type Printer = (name: string, metric: string, value: number, unit?: string, aim?: number) => void;

/** Prints figures of one evaluation. */
export function printerOf(bench: string): Printer {
  return (name, metric, value, unit = 'ratio', aim) => {
    const figure = { bench, case: name, metric: metric as Figure['metric'], value, unit };
    printFigure(aim === undefined ? figure : { ...figure, aim });
  };
}

export function printInterval(
  print: Printer,
  name: string,
  metric: string,
  { mean, low, high }: Interval,
  aim?: number,
): void {
  print(name, metric, mean, 'ratio', aim);
  print(`${name}, 95% bootstrap low`, metric, low);
  print(`${name}, 95% bootstrap high`, metric, high);
}

export function printMean(
  print: Printer,
  name: string,
  metric: string,
  values: Float64Array,
  aim?: number,
): void {
  printInterval(print, name, metric, bootstrapMean(values, { random: seededRandom(1) }), aim);
}

export function evaluationAt({ at }: ScoredEvaluation, k: number): Evaluation {
  return at.get(k) as Evaluation;
}

/** Recall and NDCG at 10 and 100 with intervals, MRR, AUC. */
export function printAccuracy(print: Printer, name: string, evaluation: ScoredEvaluation): void {
  const [at10, at100] = [evaluationAt(evaluation, 10), evaluationAt(evaluation, 100)];
  printMean(print, name, 'recall@10', at10.perUser.recall);
  printMean(print, name, 'ndcg@10', at10.perUser.ndcg);
  printMean(print, name, 'recall@100', at100.perUser.recall);
  printMean(print, name, 'ndcg@100', at100.perUser.ndcg);
  print(name, 'mrr@10', at10.mean.mrr);
  print(name, 'auc', evaluation.auc.mean);
}

export function printSegment(print: Printer, name: string, { users, mean }: Evaluation): void {
  print(`${name} (${users.length} users)`, 'recall@10', mean.recall);
  print(`${name} (${users.length} users)`, 'ndcg@10', mean.ndcg);
}

/** What the ten items shown to each user are like; `users` are those of the lists. */
export function printLists(
  print: Printer,
  name: string,
  { lists: ranked }: ScoredEvaluation,
  users: ArrayLike<number>,
  train: InteractionMatrix,
): void {
  const lists = ranked.map((list) => list.subarray(0, 10));
  const histories = Array.from(users, (user) => train.itemsOf(user));
  const counts = train.itemCounts();
  print(name, 'coverage@10', coverage(lists, train.items));
  print(name, 'gini@10', exposureGini(lists, train.items));
  print(name, 'novelty@10', novelty(lists, counts, train.users), 'bits');
  print(name, 'popularity-lift@10', popularityLift(lists, histories, counts));
  print(name, 'diversity@10', diversity(lists, cosineOfUsers(train)));
}

/** Cosine of two items' sets of users. */
function cosineOfUsers(train: InteractionMatrix): (a: number, b: number) => number {
  const byItem = train.transposed();
  return (a, b) => {
    const [usersOfA, usersOfB] = [byItem.itemsOf(a), byItem.itemsOf(b)];
    if (usersOfA.length === 0 || usersOfB.length === 0) return 0;
    let common = 0;
    for (let i = 0, j = 0; i < usersOfA.length && j < usersOfB.length; ) {
      const [left, right] = [usersOfA[i] as number, usersOfB[j] as number];
      if (left === right) common++;
      if (left <= right) i++;
      if (right <= left) j++;
    }
    return common / Math.sqrt(usersOfA.length * usersOfB.length);
  };
}
