/**
 * From events to a snapshot: a world of a million events goes through the loop, and its examples into a snapshot, with
 * and without sampled negatives. `npm run bench -- snapshot [EVENTS]`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printFigure } from './figure.ts';
import { type OneCore, writeWorld } from './world-log.ts';

const EVENTS = 1_000_000;
const AIM_SECONDS = 90;
const bench = 'snapshot';

/** What snapshot/take.ts prints. */
type Taken = {
  readonly examples: number;
  readonly bytes: number;
  readonly phases: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly cpuSeconds: number;
};

export async function run(): Promise<void> {
  const events = Number(process.argv[3] ?? EVENTS);
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const program = <T>(...words: readonly string[]): T => {
    const [script = '', ...rest] = words;
    const output = execFileSync(process.execPath, [join(import.meta.dirname, script), directory, ...rest], {
      encoding: 'utf8',
    });
    return JSON.parse(output) as T;
  };
  try {
    await writeWorld(directory, events);
    const processed = program<OneCore>('loop/processing.ts');
    const plain = program<Taken>('snapshot/take.ts');
    const sampled = program<Taken>('snapshot/take.ts', '1');
    const name = `${events.toLocaleString('en-US')} events`;
    const figure = (part: string, value: number, aim?: number) =>
      printFigure({
        bench,
        case: `${name}, ${part}`,
        metric: 'seconds',
        value,
        unit: 's',
        ...(aim !== undefined && { aim }),
      });
    figure('through the loop', processed.seconds);
    figure('through the loop, processor time', processed.cpuSeconds);
    for (const [phase, seconds] of Object.entries(plain.phases)) figure(phase, seconds);
    figure('snapshot', plain.seconds);
    figure('snapshot, processor time', plain.cpuSeconds);
    figure('events to snapshot', processed.seconds + plain.seconds, AIM_SECONDS);
    figure('snapshot with a negative for each positive', sampled.seconds);
    printFigure({
      bench,
      case: `${plain.examples.toLocaleString('en-US')} examples, an example`,
      metric: 'bytes',
      value: plain.bytes / plain.examples,
      unit: 'B',
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
