/**
 * How long a responder takes from its start to ready, and how long at most it answers nobody meanwhile, with many items
 * on the log and in the index: `npm run bench -- reload [ITEMS]`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printFigure } from './figure.ts';
import type { Started } from './reload/process.ts';

const READY_AIM_SECONDS = 3;
const HEAP_FOR_MAKING = '--max-old-space-size=8000';

export async function run(): Promise<void> {
  const [items = 1_000_000] = process.argv.slice(3).map(Number);
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const step = (...words: readonly string[]) => {
    const script = join(import.meta.dirname, 'reload', 'process.ts');
    return String(
      execFileSync(process.execPath, [HEAP_FOR_MAKING, script, ...words], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
  };
  try {
    step('make', directory, String(items));
    const { readySeconds, peakBytes, longestStallMs } = JSON.parse(step('start', directory)) as Started;
    const shared = { bench: 'reload', case: `start with ${items} items` } as const;
    printFigure({ ...shared, metric: 'seconds', value: readySeconds, unit: 's', aim: READY_AIM_SECONDS });
    printFigure({
      ...shared,
      case: `${shared.case}: longest stall`,
      metric: 'ms',
      value: longestStallMs,
      unit: 'ms',
    });
    printFigure({
      ...shared,
      case: `${shared.case}: peak memory`,
      metric: 'bytes',
      value: peakBytes,
      unit: 'B',
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
