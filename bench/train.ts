/**
 * Training of the two-tower on one core, without a GPU: from the interactions in memory to towers and item vectors,
 * embeddings and the building of batches included. `npm run bench -- train [CASE...] [--unlimited]`; without names the
 * cases on MovieLens. With `--unlimited` it trains until validation gets no better instead, and prints the recall that
 * the others are measured by.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Figure, printFigure, printMissing } from './figure.ts';
import { cases, type TrainCase } from './train/cases.ts';
import type { Took } from './train/run-case.ts';

const BENCH = 'train';
const byDefault = ['ml-100k', 'ml-1m'];

export async function run(): Promise<void> {
  const words = process.argv.slice(3);
  const isUnlimited = words.includes('--unlimited');
  const named = words.filter((word) => !word.startsWith('--'));
  const names = named.length === 0 ? byDefault : named;
  for (const chosen of cases.filter(({ name }) => names.includes(name))) {
    if (!chosen.isThere()) {
      printMissing({ bench: BENCH, case: chosen.name }, 'the data set is not on this machine');
      continue;
    }
    const script = join(import.meta.dirname, 'train/run-case.ts');
    const options = isUnlimited ? ['--unlimited'] : [];
    const output = execFileSync(process.execPath, [script, chosen.name, ...options], { encoding: 'utf8' });
    const took = JSON.parse(output) as Took;
    if (isUnlimited) printFigures(chosen, [['recall, without limit', 'recall@10', took.recall, 'ratio']]);
    else printTraining(chosen, took);
  }
}

type Line = readonly [part: string, metric: Figure['metric'], value: number, unit: string, aim?: number];

function printTraining(chosen: TrainCase, took: Took): void {
  const lines: Line[] = [
    ['input read', 'seconds', took.readSeconds, 's'],
    ['training', 'seconds', took.seconds, 's', chosen.aimSeconds],
    ['training, processor', 'seconds', took.cpuSeconds, 's'],
    ['a step of 1,024', 'ms', took.msPerStep, 'ms'],
    ['a step of 1,024, processor', 'ms', took.cpuMsPerStep, 'ms'],
    ['peak memory', 'bytes', took.peakBytes, 'B'],
    ['validation recall', 'recall@10', took.recall, 'ratio'],
  ];
  const { unlimitedRecall } = chosen;
  if (unlimitedRecall !== undefined) {
    lines.push(['recall to that without limit', 'ratio', took.recall / unlimitedRecall, 'ratio', 0.98]);
  }
  printFigures(chosen, lines, took.examples);
}

function printFigures({ name }: TrainCase, lines: readonly Line[], examples?: number): void {
  const label = examples === undefined ? name : `${name}, ${examples.toLocaleString('en-US')} examples`;
  for (const [part, metric, value, unit, aim] of lines) {
    const figure = { bench: BENCH, case: `${label}, ${part}`, metric, value, unit };
    printFigure(aim === undefined ? figure : { ...figure, aim });
  }
}
