/**
 * How soon after it was appended an event's output can be read, by a reader that sees only what is committed:
 * `npm run bench -- latency [COMMIT_MS...]`. One process appends and reads, another processes (T1, exactly once). The log
 * is embedded, on disk, each commit made durable.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLog } from '#engine/log';
import { systemClock } from '#platform';
import { avroSerdes, inputTopics, topicOf } from './engine/cases.ts';
import { percentile, printFigure } from './figure.ts';
import { latencies } from './latency/load.ts';

const LOAD = { eventsPerSecond: 2_000, warmUpMs: 4_000, measuredMs: 15_000 };
const AIM_MS = 30;
const AIM_COMMIT_MS = 20;

export async function run(): Promise<void> {
  const chosen = process.argv.slice(3).map(Number);
  for (const commitMs of chosen.length === 0 ? [AIM_COMMIT_MS, 100] : chosen) await measure(commitMs);
}

async function measure(commitMs: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    const log = await openEmbeddedLog({ directory, clock: systemClock });
    const serdes = await avroSerdes(log.registry);
    const { views } = inputTopics(serdes);
    const totals = topicOf('totals', serdes.totals);
    await log.createTopics([views, totals]);
    const script = join(import.meta.dirname, 'latency', 'processor.ts');
    const processor = spawn(process.execPath, [script, directory, 'T1', String(commitMs)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(processor, 'exit');
    await once(processor.stdout, 'data');
    const waits = await latencies(log, views, totals, LOAD);
    processor.stdin.end();
    await exited;
    await log.close();
    print(commitMs, waits);
  } finally {
    await rm(directory, { recursive: true });
  }
}

function print(commitMs: number, waits: readonly number[]): void {
  const shared = {
    bench: 'latency',
    case: `append to visible, commits of ${commitMs} ms`,
    unit: 'ms',
  } as const;
  printFigure({ ...shared, metric: 'p50_ms', value: percentile(waits, 0.5) });
  const p99 = percentile(waits, 0.99);
  printFigure({
    ...shared,
    metric: 'p99_ms',
    value: p99,
    ...(commitMs === AIM_COMMIT_MS && { aim: AIM_MS }),
  });
}
