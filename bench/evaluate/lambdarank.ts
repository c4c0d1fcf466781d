/**
 * Rankers of boosted trees on LightGBM's example of ranking, train and test as they are given: NDCG on the test's queries,
 * mean and standard deviation of five seeds. `npm run evaluate -- lambdarank [--peer]`; with --peer also LightGBM, XGBoost and
 * CatBoost, of the Python that the environment's PYTHON names.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fitTrees, meanNdcg, type TreeOptions } from '#models';
import { printMissing } from '../figure.ts';
import { lambdarankDirectory, type Ranked, type RankingData, readLambdarank } from './lambdarank/data.ts';
import { scoreRows } from './lambdarank/score.ts';
import { printerOf } from './ranking-figures.ts';

const SEEDS = [1, 2, 3, 4, 5];
const SHARED = { trees: 100, learningRate: 0.1, rowShare: 0.9, columnShare: 0.9, minRows: 50 } as const;

type Ranker = {
  readonly name: string;
  readonly options: TreeOptions;
  /** NDCG@5 and @10 of LightGBM for LambdaMART, of CatBoost for YetiRank. */
  readonly aims?: readonly [number, number];
};

const rankers: readonly Ranker[] = [
  {
    name: 'LambdaMART, 31 leaves',
    options: { ...SHARED, loss: 'lambdamart', leaves: 31 },
    aims: [0.6624, 0.7406],
  },
  { name: 'LambdaMART, depth 6', options: { ...SHARED, loss: 'lambdamart', leaves: 64, depth: 6 } },
  { name: 'YetiRank, 31 leaves', options: { ...SHARED, loss: 'yetirank', leaves: 31 } },
  {
    name: 'YetiRank, depth 6',
    options: { ...SHARED, loss: 'yetirank', leaves: 64, depth: 6 },
    aims: [0.6839, 0.7497],
  },
];

/** CatBoost in three forms: in its symmetric trees, the default, it ignores the leaf minimum. */
const PEERS = ['LightGBM', 'XGBoost', 'CatBoost, depth 6', 'CatBoost, 31 leaves', 'CatBoost, symmetric'];

export async function run(): Promise<void> {
  const directory = lambdarankDirectory();
  if (directory === undefined) {
    return printMissing({ bench: 'lambdarank', case: 'all' }, 'the data set is not on this machine');
  }
  const { train, test } = readLambdarank(directory);
  for (const { name, options, aims } of rankers) {
    const scores = [];
    for (const seed of SEEDS)
      scores.push(scoreRows((await fitTrees(train, options, { seed })).ensemble, test));
    printScores(name, test, scores, aims);
  }
  if (!process.argv.includes('--peer')) return;
  for (const peer of PEERS) printScores(peer, test, peerScores(peer, { train, test }));
}

function printScores(
  name: string,
  test: Ranked,
  bySeed: readonly Float64Array[],
  aims?: readonly [number, number],
): void {
  const print = printerOf('lambdarank');
  [5, 10].forEach((k, i) => {
    const values = bySeed.map(meanNdcg(test, k));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    print(name, `ndcg@${k}`, mean, 'ratio', aims?.[i]);
    print(`${name}, standard deviation`, `ndcg@${k}`, Math.sqrt(squares / (values.length - 1)));
  });
}

function peerScores(peer: string, { train, test }: RankingData): readonly Float64Array[] {
  const plain = (rows: Ranked) => ({
    rows: rows.rows,
    values: [...rows.values],
    labels: [...rows.labels],
    groups: [...rows.groups],
  });
  const input = JSON.stringify({ train: plain(train), test: plain(test) });
  const script = join(import.meta.dirname, 'lambdarank/peer.py');
  return SEEDS.map((seed) => {
    const parameters = [script, peer, String(seed)];
    const output = execFileSync(process.env.PYTHON ?? 'python3', parameters, {
      input,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    return Float64Array.from(JSON.parse(output) as number[]);
  });
}
