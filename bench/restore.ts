/**
 * How fast a process that has lost its stores has them back, and how much memory stores of many keys take:
 * `npm run bench -- restore [KEYS [MANY_KEYS]]`. Each step runs in a process of its own, on the embedded log. The time is
 * that of the runtime's start: joining the group, restoring, ready to process.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printFigure } from './figure.ts';
import type { Measurement, Order } from './restore/process.ts';
import { LARGE_YOUNG_GENERATION } from './runtime-options.ts';

const RECORDS_PER_SECOND_AIM = 600_000;
const BYTES_AIM = 1.5e9;

export async function run(): Promise<void> {
  const [keys = 2_000_000, manyKeys = 10_000_000] = process.argv.slice(3).map(Number);
  for (const order of ['in order', 'scattered'] as const) benchRestore(keys, order);
  if (manyKeys > 0) benchMemory(manyKeys);
}

function inDirectory(work: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function step(directory: string, ...parameters: readonly (string | number)[]): Measurement {
  const script = join(import.meta.dirname, 'restore', 'process.ts');
  const stdio = ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'];
  const words = [...LARGE_YOUNG_GENERATION, script, directory, ...parameters.map(String)];
  const output = execFileSync(process.execPath, words, { stdio });
  return JSON.parse(String(output)) as Measurement;
}

const loseStores = (directory: string) => rmSync(join(directory, 'state'), { recursive: true });

/** Values of 100 bytes. */
function benchRestore(keys: number, order: Order): void {
  inDirectory((directory) => {
    step(directory, 'fill', 'newest', keys, order);
    loseStores(directory);
    const shared = { bench: 'restore', case: `${keys} keys of 100 bytes, ${order}` } as const;
    const { seconds, cpuSeconds } = step(directory, 'start', 'newest');
    const rate = { ...shared, metric: 'records_per_second', unit: 'records/s' } as const;
    printFigure({ ...rate, value: keys / seconds, aim: RECORDS_PER_SECOND_AIM });
    const perCpu = { ...shared, metric: 'records_per_cpu_second', unit: 'records/cpu-s' } as const;
    printFigure({ ...perCpu, value: keys / cpuSeconds });
    const warm = step(directory, 'start', 'newest');
    printFigure({
      ...shared,
      case: `${shared.case}: start with stores`,
      metric: 'seconds',
      value: warm.seconds,
      unit: 's',
    });
  });
}

function benchMemory(keys: number): void {
  inDirectory((directory) => {
    const bytes = { bench: 'restore', metric: 'bytes', unit: 'bytes', aim: BYTES_AIM } as const;
    const processed = step(directory, 'fill', 'count', keys, 'scattered');
    printFigure({ ...bytes, case: `${keys} keys counted, peak memory`, value: processed.peakBytes });
    loseStores(directory);
    const restored = step(directory, 'start', 'count');
    printFigure({ ...bytes, case: `${keys} keys restored, peak memory`, value: restored.peakBytes });
  });
}
