import {
  bootstrapMean,
  coverage,
  diversity,
  type Evaluation,
  exposureGini,
  InteractionMatrix,
  longTail,
  novelty,
  popularityLift,
  type ScoredEvaluation,
  seededRandom,
  segmentOf,
} from '#models';
import { type Figure, printFigure } from '../../figure.ts';
import { type HeldOut, ITEMS, USERS } from './data.ts';
import { type Judged, judge, type Protocol } from './judge.ts';
import type { Model } from './models.ts';

/** Users with at most so many training items are called new: about a fifth of them. */
const NEW_USER_ITEMS = 35;

/** What published figures of the sampled protocol are to be reached; 192 dimensions. */
const aims: Readonly<Record<string, { readonly 'hr@10': number; readonly 'ndcg@10': number }>> = {
  ials: { 'hr@10': 0.73, 'ndcg@10': 0.451 },
};

/** Fits the model with what was chosen for each protocol, and prints the figures of that protocol on the test items. */
export function evaluateModel(model: Model, test: HeldOut): void {
  const train = InteractionMatrix.fromPairs(test.train, USERS, ITEMS);
  const { sampled, full } = model.chosen;
  const isSame = JSON.stringify(sampled) === JSON.stringify(full);
  const first = fitAndJudge(model, 'sampled', train, test);
  printSampled(model, first);
  printFull(model, isSame ? first : fitAndJudge(model, 'full', train, test), train, test);
}

function fitAndJudge(model: Model, protocol: Protocol, train: InteractionMatrix, test: HeldOut): Judged {
  const options = model.chosen[protocol];
  process.stderr.write(`${model.name}, ${protocol}: fitting ${JSON.stringify(options)}\n`);
  const wallBefore = performance.now();
  const processorBefore = process.cpuUsage();
  const fitted = model.fit(train, options);
  const { user, system } = process.cpuUsage(processorBefore);
  print(`${model.name}, fit for ${protocol}, wall`, 'seconds', (performance.now() - wallBefore) / 1e3, 's');
  print(`${model.name}, fit for ${protocol}, processor`, 'seconds', (user + system) / 1e6, 's');
  process.stderr.write(`${model.name}, ${protocol}: judging\n`);
  return judge(fitted, train, test);
}

function printSampled(model: Model, { sampled }: Judged): void {
  const at10 = evaluationAt(sampled, 10);
  const name = `${model.name}, 99 negatives`;
  printWithInterval(name, 'hr@10', at10.perUser.hitRate, aims[model.name]?.['hr@10']);
  printWithInterval(name, 'ndcg@10', at10.perUser.ndcg, aims[model.name]?.['ndcg@10']);
}

function printFull(model: Model, { full }: Judged, train: InteractionMatrix, { held }: HeldOut): void {
  const name = `${model.name}, all items`;
  const [at10, at100] = [evaluationAt(full, 10), evaluationAt(full, 100)];
  printWithInterval(name, 'recall@10', at10.perUser.recall);
  printWithInterval(name, 'ndcg@10', at10.perUser.ndcg);
  printWithInterval(name, 'recall@100', at100.perUser.recall);
  printWithInterval(name, 'ndcg@100', at100.perUser.ndcg);
  print(name, 'mrr@10', at10.mean.mrr);
  print(name, 'auc', full.auc.mean);
  const counts = train.itemCounts();
  const tail = longTail(counts);
  const isNew = (user: number) => train.itemsOf(user).length <= NEW_USER_ITEMS;
  printSegment(`${name}, new users`, segmentOf(at10, isNew));
  printSegment(
    `${name}, long tail`,
    segmentOf(at10, (user) => tail.has(held[user] as number)),
  );
  const lists = full.lists.map((list) => list.subarray(0, 10));
  const histories = lists.map((_, user) => train.itemsOf(user));
  print(name, 'coverage@10', coverage(lists, ITEMS));
  print(name, 'gini@10', exposureGini(lists, ITEMS));
  print(name, 'novelty@10', novelty(lists, counts, USERS), 'bits');
  print(name, 'popularity-lift@10', popularityLift(lists, histories, counts));
  print(name, 'diversity@10', diversity(lists, cosineOfUsers(train)));
}

function evaluationAt({ at }: ScoredEvaluation, k: number): Evaluation {
  return at.get(k) as Evaluation;
}

function printSegment(name: string, { users, mean }: Evaluation): void {
  print(`${name} (${users.length} users)`, 'recall@10', mean.recall);
  print(`${name} (${users.length} users)`, 'ndcg@10', mean.ndcg);
}

function printWithInterval(name: string, metric: string, values: Float64Array, aim?: number): void {
  const { mean, low, high } = bootstrapMean(values, { random: seededRandom(1) });
  print(name, metric, mean, 'ratio', aim);
  print(`${name}, 95% bootstrap low`, metric, low);
  print(`${name}, 95% bootstrap high`, metric, high);
}

function print(name: string, metric: string, value: number, unit = 'ratio', aim?: number): void {
  const figure = { bench: 'ml-1m', case: name, metric: metric as Figure['metric'], value, unit };
  printFigure(aim === undefined ? figure : { ...figure, aim });
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
