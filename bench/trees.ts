/**
 * Training of boosted trees: 100,000 rows of 40 columns, 100 trees of 31 leaves, on one thread and on two, binning included.
 * `npm run bench -- trees [--peer] [ROUNDS]`; with --peer also by LightGBM, of the Python that the environment's PYTHON names.
 * Each round is a process of its own, ours and the peer's in turn; figures are medians.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { percentile, printFigure } from './figure.ts';
import type { Took } from './trees/run-case.ts';
import { binaryTable, COLUMNS, ROWS } from './trees/table.ts';

const BENCH = 'trees';
const ROUNDS = 3;
/** Of LightGBM's time. */
const AIM = 1.5;

export async function run(): Promise<void> {
  const words = process.argv.slice(3);
  const rounds = Number(words.find((word) => word !== '--peer') ?? ROUNDS);
  const work = mkdtempSync(join(tmpdir(), 'millrace-trees-'));
  try {
    const peer = words.includes('--peer') ? peerOn(work) : undefined;
    for (const threads of [1, 2]) {
      const [own, theirs]: [Took[], Took[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        own.push(ours(threads));
        if (peer !== undefined) theirs.push(peer(threads));
      }
      printCase(`${threads} thread${threads > 1 ? 's' : ''}`, own, theirs);
    }
  } finally {
    rmSync(work, { recursive: true });
  }
}

function ours(threads: number): Took {
  const script = join(import.meta.dirname, 'trees/run-case.ts');
  return JSON.parse(execFileSync(process.execPath, [script, String(threads)], { encoding: 'utf8' })) as Took;
}

function peerOn(work: string): (threads: number) => Took {
  const { values, labels } = binaryTable();
  const files = { values, labels };
  const paths = Object.entries(files).map(([name, floats]) => {
    writeFileSync(join(work, name), floats);
    return join(work, name);
  });
  const script = join(import.meta.dirname, 'trees/peer.py');
  return (threads) => {
    const parameters = [script, String(threads), String(ROWS), ...paths];
    return JSON.parse(
      execFileSync(process.env.PYTHON ?? 'python3', parameters, { encoding: 'utf8' }),
    ) as Took;
  };
}

function printCase(name: string, own: readonly Took[], theirs: readonly Took[]): void {
  const label = `${ROWS.toLocaleString('en-US')} x ${COLUMNS}, ${name}`;
  const print = (part: string, metric: 'seconds' | 'log_loss' | 'ratio', value: number, aim?: number) => {
    const unit = metric === 'seconds' ? 's' : metric === 'ratio' ? 'ratio' : 'nats';
    const figure = { bench: BENCH, case: `${label}${part}`, metric, value, unit };
    printFigure(aim === undefined ? figure : { ...figure, aim });
  };
  const median = (taken: readonly Took[], part: keyof Took) =>
    percentile(
      taken.map((took) => took[part]),
      0.5,
    );
  for (const [who, taken] of [
    ['', own],
    [', LightGBM', theirs],
  ] as const) {
    if (taken.length === 0) continue;
    print(who, 'seconds', median(taken, 'seconds'));
    print(`${who}, processor`, 'seconds', median(taken, 'cpuSeconds'));
    print(`${who}, training`, 'log_loss', median(taken, 'logLoss'));
  }
  if (theirs.length === 0) return;
  print(', to LightGBM', 'ratio', median(own, 'seconds') / median(theirs, 'seconds'), AIM);
  print(', processor, to LightGBM', 'ratio', median(own, 'cpuSeconds') / median(theirs, 'cpuSeconds'));
}
