/**
 * The stream engine on the embedded log, exactly once, with commits every 100 ms: the cases of Kafka Streams' side
 * (T1 to T4), and one whose state does not fit the cache (T5). `npm run bench -- engine [CASE...]`.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Measurement, Span } from './engine/measure.ts';
import { printFigure } from './figure.ts';
import { LARGE_YOUNG_GENERATION } from './runtime-options.ts';

const EVENTS = 2_000_000;
/** Three times what Kafka Streams does, records a CPU-second, when it is warm. */
const aims: { readonly [name: string]: number } = { T1: 330_000, T2: 453_000, T3: 426_000, T4: 492_000 };
const names = ['T1', 'T2', 'T3', 'T3n', 'T4', 'T5'];

export async function run(): Promise<void> {
  const chosen = process.argv.slice(3);
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    node('input.ts', join(directory, 'input'), String(EVENTS));
    for (const name of chosen.length === 0 ? names : chosen) {
      const own = join(directory, name);
      cpSync(join(directory, 'input'), own, { recursive: true });
      print(name, JSON.parse(node('case.ts', name, own)) as Measurement);
      rmSync(own, { recursive: true });
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function node(script: string, ...parameters: readonly string[]): string {
  const path = join(import.meta.dirname, 'engine', script);
  return execFileSync(process.execPath, [...LARGE_YOUNG_GENERATION, path, ...parameters], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

function print(name: string, { whole, warm, peakMegabytes }: Measurement): void {
  const perCpuSecond = { bench: 'engine', metric: 'records_per_cpu_second', unit: 'records/cpu-s' } as const;
  const aim = aims[name];
  printFigure({ ...perCpuSecond, case: name, value: perCpu(whole), ...(aim !== undefined && { aim }) });
  printFigure({ ...perCpuSecond, case: `${name}, second half`, value: perCpu(warm) });
  const value = whole.records / whole.seconds;
  printFigure({ bench: 'engine', case: name, metric: 'records_per_second', value, unit: 'records/s' });
  const bytes = { bench: 'engine', metric: 'bytes', unit: 'bytes' } as const;
  printFigure({ ...bytes, case: `${name}, peak memory`, value: peakMegabytes * 1024 ** 2 });
}

const perCpu = ({ records, cpuSeconds }: Span) => records / cpuSeconds;
