/**
 * NEXMark's queries (`examples/nexmark`) on the embedded log, exactly once, with commits every 100 ms.
 * `npm run bench -- nexmark [QUERY...]`.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queries } from '../examples/nexmark/queries.ts';
import { printFigure } from './figure.ts';
import type { Measured } from './nexmark/case.ts';
import { LARGE_YOUNG_GENERATION } from './runtime-options.ts';

const EVENTS = 500_000;

export async function run(): Promise<void> {
  const chosen = process.argv.slice(3);
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    node('input.ts', join(directory, 'input'), String(EVENTS));
    for (const name of chosen.length === 0 ? Object.keys(queries) : chosen) {
      const own = join(directory, name);
      cpSync(join(directory, 'input'), own, { recursive: true });
      print(name, JSON.parse(node('case.ts', name, own)) as Measured);
      rmSync(own, { recursive: true });
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function node(script: string, ...parameters: readonly string[]): string {
  const path = join(import.meta.dirname, 'nexmark', script);
  return execFileSync(process.execPath, [...LARGE_YOUNG_GENERATION, path, ...parameters], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

function print(name: string, { events, seconds, cpuSeconds }: Measured): void {
  printFigure({
    bench: 'nexmark',
    case: name,
    metric: 'events_per_cpu_second',
    value: events / cpuSeconds,
    unit: 'events/cpu-s',
  });
  printFigure({
    bench: 'nexmark',
    case: name,
    metric: 'events_per_second',
    value: events / seconds,
    unit: 'events/s',
  });
}
