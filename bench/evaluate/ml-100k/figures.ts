import { type Evaluation, evaluationDifferences, seededRandom, segmentOf } from '#models';
import {
  evaluationAt,
  printAccuracy,
  printerOf,
  printInterval,
  printLists,
  printMean,
  printSegment,
} from '../ranking-figures.ts';
import type { Part } from './data.ts';
import { type Judged, judge } from './judge.ts';
import type { Model } from './models.ts';

/** Users with at most so many training items are called new: about a fifth of them. */
const NEW_USER_ITEMS = 25;

/** Whom every other model is compared with, where they were evaluated before it. */
const BASELINES = ['popularity', 'decayed popularity', 'ease'];

const print = printerOf('ml-100k');

/** Fits each model with what was chosen, and prints its figures on the test part. */
export async function evaluateModels(models: readonly Model[], test: Part): Promise<void> {
  const baselines = new Map<string, Evaluation>();
  for (const model of models) {
    const judged = await fitAndJudge(model, test);
    const at10 = evaluationAt(judged.all, 10);
    printModel(model.name, judged, test);
    for (const [name, baseline] of baselines) printDifference(`${model.name} less ${name}`, at10, baseline);
    if (BASELINES.includes(model.name)) baselines.set(model.name, at10);
  }
}

async function fitAndJudge({ name, fit, chosen: { full } }: Model, test: Part): Promise<Judged> {
  process.stderr.write(`${name}: fitting ${JSON.stringify(full)}\n`);
  const before = process.cpuUsage();
  const scores = await fit(test.known, full);
  const { user, system } = process.cpuUsage(before);
  print(`${name}, fit, processor`, 'seconds', (user + system) / 1e6, 's');
  return judge(scores, test);
}

function printModel(name: string, { all, longTail }: Judged, { known: { matrix } }: Part): void {
  const at10 = evaluationAt(all, 10);
  printAccuracy(print, name, all);
  printMean(print, name, 'precision@10', at10.perUser.precision);
  printMean(print, name, 'hr@10', at10.perUser.hitRate);
  printMean(print, name, 'map@10', at10.perUser.map);
  const isNew = (user: number) => matrix.itemsOf(user).length <= NEW_USER_ITEMS;
  printSegment(print, `${name}, new users`, segmentOf(at10, isNew));
  printSegment(print, `${name}, long tail`, evaluationAt(longTail, 10));
  printLists(print, name, all, at10.users, matrix);
}

function printDifference(name: string, model: Evaluation, baseline: Evaluation): void {
  const { recall, ndcg } = evaluationDifferences(model, baseline, { random: seededRandom(1) });
  printInterval(print, name, 'recall@10', recall);
  printInterval(print, name, 'ndcg@10', ndcg);
}
