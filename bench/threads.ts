/**
 * The same topology on one worker thread and on two: `npm run bench -- threads [EVENTS]`. The input lies in the log
 * before; the time is from the commit of its first tenth to that of its last record, so that starting is not counted.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOnThreads } from '#engine';
import { type Log, openEmbeddedLog } from '#engine/log';
import { createLogger, systemClock } from '#platform';
import { printFigure } from './figure.ts';
import type { ThreadData } from './threads/thread.ts';

const TOPIC = 'views';

export async function run(): Promise<void> {
  const events = Number(process.argv[3] ?? 3_000_000);
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    execFileSync(process.execPath, [
      join(import.meta.dirname, 'engine', 'input.ts'),
      directory,
      String(events),
    ]);
    for (const name of ['T1', 'T2']) {
      const [one, two] = [await measure(directory, name, 1), await measure(directory, name, 2)];
      print(`${name}, one thread`, one);
      print(`${name}, two threads`, two, 1.5 * one);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
}

function print(name: string, value: number, aim?: number): void {
  const figure = {
    bench: 'threads',
    case: name,
    metric: 'records_per_second',
    value,
    unit: 'records/s',
  } as const;
  printFigure(aim === undefined ? figure : { ...figure, aim });
}

/** Records a second. */
async function measure(directory: string, name: string, threads: number): Promise<number> {
  const logger = createLogger({ level: 'warn', name: 'bench' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
  const state = `${name.toLowerCase()}-on-${threads}`;
  const data: ThreadData = { directory, name, state };
  const module = new URL('./threads/thread.ts', import.meta.url);
  const group = `${state}-1`;
  const [description] = await log.describeTopics([TOPIC]);
  const total = description?.offsets.reduce((sum, { end }) => sum + end, 0) ?? 0;
  const connect = () => log.connect();
  const running = await runOnThreads({ module, threads, instanceId: state, data, connect, logger });
  const partitions = description?.offsets.length ?? 0;
  const tenth = await reached(log, group, partitions, total / 10);
  const all = await reached(log, group, partitions, total);
  await running.stop();
  await log.close();
  return (all.records - tenth.records) / (all.seconds - tenth.seconds);
}

/** When a group has committed so many records of the input. */
async function reached(log: Log, group: string, partitions: number, records: number) {
  const places = Array.from({ length: partitions }, (_, partition) => ({ topic: TOPIC, partition }));
  for (;;) {
    const committed = (await log.committedOffsets(group, places)).reduce(
      (sum, at) => sum + (at?.offset ?? 0),
      0,
    );
    if (committed >= records) return { records: committed, seconds: performance.now() / 1e3 };
    await systemClock.sleep(5);
  }
}
