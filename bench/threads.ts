/**
 * The same topology on one worker thread and on two: `npm run bench -- threads [EVENTS [ROUNDS]]`. The input lies in the
 * log before; the time is from the commit of its first tenth to that of its last record, so that starting is not counted.
 * The runs alternate, so that what else the machine does falls on both.
 */

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOnThreads } from '#engine';
import { type Log, openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { percentile, printFigure } from './figure.ts';
import type { ThreadData } from './threads/thread.ts';

const TOPIC = 'views';

type Rates = { readonly perSecond: number; readonly perCpuSecond: number };
type Instant = { readonly records: number; readonly seconds: number; readonly cpuSeconds: number };

export async function run(): Promise<void> {
  const [events = 2_000_000, rounds = 3] = process.argv.slice(3).map(Number);
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    const script = join(import.meta.dirname, 'engine', 'input.ts');
    execFileSync(process.execPath, [script, directory, String(events)]);
    for (const name of ['T1', 'T2']) await compare(directory, name, rounds);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function compare(directory: string, name: string, rounds: number): Promise<void> {
  const one: Rates[] = [];
  const two: Rates[] = [];
  for (let round = 0; round < rounds; round++) {
    one.push(await measure(directory, name, 1, round));
    two.push(await measure(directory, name, 2, round));
  }
  const ratios = one.map(({ perSecond }, round) => (two[round] as Rates).perSecond / perSecond);
  print(`${name}, one thread`, one);
  print(`${name}, two threads`, two);
  const ratio = { bench: 'threads', metric: 'ratio', unit: 'records/s : records/s', aim: 1.5 } as const;
  printFigure({ ...ratio, case: `${name}, two threads to one`, value: percentile(ratios, 0.5) });
}

/** Medians. */
function print(name: string, rates: readonly Rates[]): void {
  const median = (of: (rate: Rates) => number) => percentile(rates.map(of), 0.5);
  const shared = { bench: 'threads', case: name } as const;
  const perSecond = median((rate) => rate.perSecond);
  printFigure({ ...shared, metric: 'records_per_second', value: perSecond, unit: 'records/s' });
  const perCpuSecond = median((rate) => rate.perCpuSecond);
  printFigure({ ...shared, metric: 'records_per_cpu_second', value: perCpuSecond, unit: 'records/cpu-s' });
}

async function measure(directory: string, name: string, threads: number, round: number): Promise<Rates> {
  const logger = createLogger({ level: 'warn', name: 'bench' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
  const state = `${name.toLowerCase()}-on-${threads}-${round}`;
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
  await rm(join(directory, state), { recursive: true });
  const records = all.records - tenth.records;
  return {
    perSecond: records / (all.seconds - tenth.seconds),
    perCpuSecond: records / (all.cpuSeconds - tenth.cpuSeconds),
  };
}

/** When a group has committed so many records of the input. */
async function reached(log: Log, group: string, partitions: number, records: number): Promise<Instant> {
  const places = Array.from({ length: partitions }, (_, partition) => ({ topic: TOPIC, partition }));
  for (;;) {
    const offsets = await log.committedOffsets(group, places);
    const committed = offsets.reduce((sum, at) => sum + (at?.offset ?? 0), 0);
    const { user, system } = process.cpuUsage();
    const now = { seconds: performance.now() / 1e3, cpuSeconds: (user + system) / 1e6 };
    if (committed >= records) return { records: committed, ...now };
    await systemClock.sleep(20);
  }
}
