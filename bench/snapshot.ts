/**
 * From events to a snapshot: a world of a million events goes through the loop, and its examples into a snapshot: from the
 * log, then from the archive, with sampled negatives, and with a view of a module. `npm run bench -- snapshot [EVENTS]`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printFigure } from './figure.ts';
import { LARGE_YOUNG_GENERATION } from './runtime-options.ts';
import { type OneCore, writeWorld } from './world-log.ts';

const EVENTS = 1_000_000;
const AIM_SECONDS = 90;
/** `engine.threads`. */
const THREADS = 2;
const BENCH = 'snapshot';

/** What snapshot/take.ts prints. */
type Taken = {
  readonly id: string;
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
    const path = join(import.meta.dirname, script);
    const output = execFileSync(process.execPath, [...LARGE_YOUNG_GENERATION, path, directory, ...rest], {
      encoding: 'utf8',
    });
    return JSON.parse(output) as T;
  };
  try {
    await writeWorld(directory, events);
    const processed = program<OneCore>('snapshot/process.ts', String(THREADS));
    const fromLog = program<Taken>('snapshot/take.ts');
    const archived = program<OneCore>('snapshot/archive.ts');
    const plain = program<Taken>('snapshot/take.ts');
    if (plain.id !== fromLog.id)
      throw new Error('the snapshot from the archive is another than that from the log');
    const sampled = program<Taken>('snapshot/take.ts', '1');
    const withView = program<Taken>('snapshot/take.ts', '0', 'with a view');
    const name = `${events.toLocaleString('en-US')} events`;
    const figure = (part: string, value: number, aim?: number) =>
      printFigure({
        bench: BENCH,
        case: `${name}, ${part}`,
        metric: 'seconds',
        value,
        unit: 's',
        ...(aim !== undefined && { aim }),
      });
    const figures = (part: string, { seconds, cpuSeconds }: OneCore) => {
      figure(part, seconds);
      figure(`${part}, processor time`, cpuSeconds);
    };
    figures('through the loop', processed);
    figures('archived', archived);
    figures('snapshot from the log', fromLog);
    for (const [phase, seconds] of Object.entries(plain.phases)) figure(phase, seconds);
    figures('snapshot from the archive', plain);
    figure('events to snapshot, nothing archived', processed.seconds + fromLog.seconds, AIM_SECONDS);
    figure('events to snapshot, all archived meanwhile', processed.seconds + plain.seconds, AIM_SECONDS);
    figures('snapshot with a negative for each positive', sampled);
    figures('snapshot with a view of a module', withView);
    printFigure({
      bench: BENCH,
      case: `${plain.examples.toLocaleString('en-US')} examples, an example`,
      metric: 'bytes',
      value: plain.bytes / plain.examples,
      unit: 'B',
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
