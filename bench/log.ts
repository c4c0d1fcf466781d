/**
 * What the embedded log does: appends and reads of 120-byte records, by one process and by two, and how long a writer
 * waits beside a busy one. One JSON line a figure on standard output.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type EmbeddedLog, openEmbeddedLog, type ProducerRecord } from '#log';
import { systemClock } from '#platform';
import { type Figure, percentile, printFigure } from './figure.ts';

type Synchronous = 'full' | 'normal';
type Rates = { readonly records: number; readonly seconds: number; readonly cpuSeconds: number };

const RECORD_BYTES = 120;
/** Long enough for the figures to be steady, short enough for all of them to take less than a minute. */
const SECONDS_PER_CASE = 2.5;
const TOPIC = 'bench';

export async function run(): Promise<void> {
  for (const synchronous of ['full', 'normal'] as const) {
    for (const perCommit of [100, 1000]) await benchOneProcess(synchronous, perCommit);
  }
  await withLog('full', async (log) => {
    const appends = await measure(() => appendPipelined(log, 100, 8));
    printRates('append full, commits of 100, 8 on the way', appends);
  });
  for (const synchronous of ['full', 'normal'] as const) await benchTwoProcesses(synchronous);
  await benchWait();
}

function print(name: string, metric: Figure['metric'], value: number, unit: string, aim?: number): void {
  printFigure({ bench: 'log', case: name, metric, value, unit, ...(aim !== undefined && { aim }) });
}

function printRates(name: string, { records, seconds, cpuSeconds }: Rates, aim?: number): void {
  print(name, 'records_per_second', records / seconds, 'records/s', aim);
  print(name, 'records_per_cpu_second', records / cpuSeconds, 'records/cpu-s');
}

async function withLog(
  synchronous: Synchronous,
  work: (log: EmbeddedLog, directory: string) => Promise<void>,
) {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous });
  try {
    await log.createTopics([
      { name: TOPIC, partitions: 2, cleanup: { policy: 'delete', retentionMs: null } },
    ]);
    await work(log, directory);
  } finally {
    await log.close();
    await rm(directory, { recursive: true });
  }
}

function makeRecords(count: number): ProducerRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    key: Buffer.from(`user-${i}`.padEnd(16, '-')),
    value: Buffer.alloc(RECORD_BYTES - 16, i),
    timestamp: 1_700_000_000_000 + i,
  }));
}

/** Wall and processor time (all threads of this process) of `work`, which gives the number of records. */
async function measure(work: () => Promise<number>): Promise<Rates> {
  const cpu = process.cpuUsage();
  const since = performance.now();
  const records = await work();
  const seconds = (performance.now() - since) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { records, seconds, cpuSeconds: (user + system) / 1e6 };
}

/** Appends, one commit after the other, until the time is up. */
async function appendFor(
  log: EmbeddedLog,
  partition: number,
  perCommit: number,
  seconds: number,
): Promise<number> {
  const producer = await log.producer();
  const records = makeRecords(perCommit);
  const until = performance.now() + seconds * 1000;
  let appended = 0;
  while (performance.now() < until) {
    await producer.append(TOPIC, partition, records);
    appended += perCommit;
  }
  await producer.close();
  return appended;
}

/** Appends with several commits on the way at once, as a busy gateway does. */
async function appendPipelined(log: EmbeddedLog, perCommit: number, inFlight: number): Promise<number> {
  const lanes = Array.from({ length: inFlight }, () => appendFor(log, 0, perCommit, SECONDS_PER_CASE));
  return (await Promise.all(lanes)).reduce((total, appended) => total + appended, 0);
}

/** Reads partition 0 to its end, looking at the key and value of each record. */
async function readAll(log: EmbeddedLog): Promise<number> {
  const consumer = await log.consumer();
  const at = { topic: TOPIC, partition: 0 };
  consumer.assign([{ ...at, offset: 0 }]);
  let records = 0;
  let bytes = 0;
  do {
    for (const batch of await consumer.poll(0)) {
      for (let i = 0; i < batch.count; i++)
        bytes += (batch.key(i)?.length ?? 0) + (batch.value(i)?.length ?? 0);
      records += batch.count;
    }
  } while (consumer.position(at) !== consumer.end(at));
  await consumer.close();
  if (bytes !== records * RECORD_BYTES) throw new Error(`read ${bytes} bytes of ${records} records`);
  return records;
}

const aims: Readonly<Record<string, number>> = { 'full 100': 390_000, 'normal 100': 800_000 };

async function benchOneProcess(synchronous: Synchronous, perCommit: number): Promise<void> {
  await withLog(synchronous, async (log) => {
    await appendFor(log, 1, perCommit, 0.3);
    const appends = await measure(() => appendFor(log, 0, perCommit, SECONDS_PER_CASE));
    printRates(
      `append ${synchronous}, commits of ${perCommit}`,
      appends,
      aims[`${synchronous} ${perCommit}`],
    );
    if (synchronous === 'full') return;
    await readAll(log);
    const reads = await measure(() => readAll(log));
    printRates(`read, batches of ${perCommit}`, reads, perCommit === 1000 ? 5_600_000 : undefined);
  });
}

/** A second process that appends to partition 1 for the time given; prints its number of records. */
function startWriter(
  directory: string,
  synchronous: Synchronous,
  perCommit: number,
  seconds: number,
): ChildProcess {
  const args = [fileURLToPath(import.meta.url), directory, synchronous, String(perCommit), String(seconds)];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const { value } = await lines.next();
  return value ?? '';
}

async function benchTwoProcesses(synchronous: Synchronous): Promise<void> {
  await withLog(synchronous, async (log, directory) => {
    const child = startWriter(directory, synchronous, 100, SECONDS_PER_CASE);
    const exited = once(child, 'exit');
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    await nextLine(lines);
    const own = await measure(() => appendFor(log, 0, 100, SECONDS_PER_CASE));
    const other = Number(await nextLine(lines));
    await exited;
    const name = `append ${synchronous}, commits of 100, two processes`;
    print(name, 'records_per_second', (own.records + other) / own.seconds, 'records/s');
    print(
      `${name}, the slower one`,
      'records_per_second',
      Math.min(own.records, other) / own.seconds,
      'records/s',
    );
  });
}

/** How long a small append takes while another process commits without pause. */
async function benchWait(): Promise<void> {
  await withLog('full', async (log, directory) => {
    const producer = await log.producer();
    const one = makeRecords(1);
    const waits = async (): Promise<number[]> => {
      const until = performance.now() + SECONDS_PER_CASE * 1000;
      const times: number[] = [];
      while (performance.now() < until) {
        const since = performance.now();
        await producer.append(TOPIC, 0, one);
        times.push(performance.now() - since);
        await systemClock.sleep(2);
      }
      return times;
    };
    printWaits('append of one record, alone', await waits());
    const child = startWriter(directory, 'full', 1000, SECONDS_PER_CASE + 0.5);
    const exited = once(child, 'exit');
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    await nextLine(lines);
    printWaits('append of one record beside a busy process (commits of 1000)', await waits());
    await nextLine(lines);
    await exited;
  });
}

function printWaits(name: string, waits: readonly number[]): void {
  print(name, 'p50_ms', percentile(waits, 0.5), 'ms');
  print(name, 'p99_ms', percentile(waits, 0.99), 'ms');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory = '', synchronous = '', perCommit = '', seconds = ''] = process.argv.slice(2);
  const log = await openEmbeddedLog({
    directory,
    clock: systemClock,
    synchronous: synchronous as Synchronous,
  });
  process.stdout.write('ready\n');
  process.stdout.write(`${await appendFor(log, 1, Number(perCommit), Number(seconds))}\n`);
  await log.close();
}
