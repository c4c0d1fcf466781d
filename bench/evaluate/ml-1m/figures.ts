import {
  type Evaluation,
  InteractionMatrix,
  longTail,
  pairedBootstrap,
  seededRandom,
  segmentOf,
} from '#models';
import {
  evaluationAt,
  printAccuracy,
  printerOf,
  printInterval,
  printLists,
  printMean,
  printSegment,
} from '../ranking-figures.ts';
import { type HeldOut, ITEMS, USERS } from './data.ts';
import type { Fits } from './fits.ts';
import { type Judged, judge, type Protocol } from './judge.ts';
import type { Model } from './models.ts';

/** Users with at most so many training items are called new: about a fifth of them. */
const NEW_USER_ITEMS = 35;

/**
 * What is to be reached in the sampled protocol: a published figure (iALS, 192 dimensions; NeuMF, .726 and .445), or that
 * figure to be exceeded.
 */
const aims: Readonly<Record<string, { readonly 'hr@10': number; readonly 'ndcg@10': number }>> = {
  ials: { 'hr@10': 0.73, 'ndcg@10': 0.451 },
  'two-tower': { 'hr@10': 0.73, 'ndcg@10': 0.451 },
  // Within .005 of what is published.
  neumf: { 'hr@10': 0.721, 'ndcg@10': 0.44 },
  sequential: { 'hr@10': 0.82, 'ndcg@10': 0.61 },
};

const print = printerOf('ml-1m');

/** Fits the model with what was chosen for each protocol, prints the figures of that protocol on the test items, and returns both. */
export async function evaluateModel(model: Model, fits: Fits, test: HeldOut): Promise<Judged> {
  const train = InteractionMatrix.fromPairs(test.train, USERS, ITEMS);
  const { sampled, full } = model.chosen;
  const isSame = JSON.stringify(sampled) === JSON.stringify(full);
  const first = await fitAndJudge({ model, fits, protocol: 'sampled' }, train, test);
  printSampled(model, first);
  const second = isSame ? first : await fitAndJudge({ model, fits, protocol: 'full' }, train, test);
  printFull(model, second, train, test);
  return { sampled: first.sampled, full: second.full };
}

/** How much better one model is than another on the same users. */
export function printDifference(name: string, one: Judged, other: Judged): void {
  const protocols = { sampled: '99 negatives', full: 'all items' } as const;
  for (const [protocol, among] of Object.entries(protocols) as [Protocol, string][]) {
    const [a, b] = [one, other].map((judged) => evaluationAt(judged[protocol], 10).perUser) as [
      PerUser,
      PerUser,
    ];
    for (const [metric, values] of [
      ['hr@10', 'hitRate'],
      ['ndcg@10', 'ndcg'],
    ] as const) {
      const difference = pairedBootstrap(a[values], b[values], { random: seededRandom(1) });
      printInterval(print, `${name}, ${among}`, metric, difference, 0);
    }
  }
}

type PerUser = Evaluation['perUser'];

async function fitAndJudge(
  { model, fits, protocol }: { readonly model: Model; readonly fits: Fits; readonly protocol: Protocol },
  train: InteractionMatrix,
  test: HeldOut,
): Promise<Judged> {
  const known = { matrix: train, histories: test.histories };
  const { scores, took } = await fits.of(model, known, model.chosen[protocol]);
  print(`${model.name}, fit for ${protocol}, wall`, 'seconds', took.wall, 's');
  print(`${model.name}, fit for ${protocol}, processor`, 'seconds', took.processor, 's');
  process.stderr.write(`${model.name}, ${protocol}: judging\n`);
  return judge(scores, train, test);
}

function printSampled(model: Model, { sampled }: Judged): void {
  const at10 = evaluationAt(sampled, 10);
  const name = `${model.name}, 99 negatives`;
  printMean(print, name, 'hr@10', at10.perUser.hitRate, aims[model.name]?.['hr@10']);
  printMean(print, name, 'ndcg@10', at10.perUser.ndcg, aims[model.name]?.['ndcg@10']);
}

function printFull(model: Model, { full }: Judged, train: InteractionMatrix, { held }: HeldOut): void {
  const name = `${model.name}, all items`;
  const at10 = evaluationAt(full, 10);
  printAccuracy(print, name, full);
  const tail = longTail(train.itemCounts());
  const isNew = (user: number) => train.itemsOf(user).length <= NEW_USER_ITEMS;
  const isOfTail = (user: number) => tail.has(held[user] as number);
  printSegment(print, `${name}, new users`, segmentOf(at10, isNew));
  printSegment(print, `${name}, long tail`, segmentOf(at10, isOfTail));
  printLists(print, name, full, at10.users, train);
}
