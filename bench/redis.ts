/**
 * Views in Redis: how long reads of 1, 100 and 500 rows take and what they cost, as rows and as decoded users, and how fast
 * a writer puts rows there, each under its guard. `npm run bench -- redis`. One JSON line a figure on standard output.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TopicWriter } from '#engine';
import { asOfRows, userFeaturesView, userProfileView } from '#features';
import { type EmbeddedLog, openEmbeddedLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { RedisRowReader, RedisViewStore, RedisViewWriter } from '#responders';
import type { Interaction, ViewState } from '#schemas';
import { RedisServer } from '#servers';
import { openTopics, type Topics } from '#topologies';
import { type Figure, percentile, printFigure } from './figure.ts';

const USERS = 100_000;
const ROW_BYTES = 500;
const WARM_UP_MS = 1_000;
const MEASURED_MS = 4_000;
/** Reads under way at once where it is counted how many there can be. */
const IN_FLIGHT = 8;
const AIM_100_ROWS_P99_MS = 1.5;

type Read = (keys: readonly string[]) => Promise<unknown>;

export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const redis = await RedisServer.start({ settings: { appendonly: 'no' } });
  const log = await openEmbeddedLog({ directory, clock: systemClock });
  try {
    const topics = await openTopics(log, log.registry);
    await writeRows(log, topics);
    await benchRedis(redis.url, log, topics);
  } finally {
    await log.close();
    await redis.stop();
    await rm(directory, { recursive: true });
  }
}

async function benchRedis(url: string, log: EmbeddedLog, topics: Topics): Promise<void> {
  const logger = createLogger({ level: 'error', name: 'bench' });
  const environment = { log, topics, clock: systemClock, logger, metrics: createMetrics() };
  await benchWrites(() => RedisViewWriter.open({ url }, environment, topics));
  // One that has nothing to do, as in a service: it keeps the views alive.
  const writer = await RedisViewWriter.open({ url }, environment, topics);
  const rows = await RedisRowReader.open({ url }, logger);
  const store = await RedisViewStore.open({ url }, environment, topics);
  await Promise.all([writer.caughtUp, store.caughtUp]);
  const readRows: Read = (keys) =>
    rows.read(keys.map((key) => ({ entity: 'user', topic: 'user-features-2', key })));
  for (const count of [1, 100, 500])
    await benchReads(`rows of ${ROW_BYTES} B, ${count} a read`, count, readRows);
  for (const count of [1, 100]) {
    await benchReads(`users, decoded, ${count} a read`, count, (keys) =>
      store.rows(
        keys.flatMap((key) => [
          { view: userFeaturesView.name, key },
          { view: userProfileView.name, key },
        ]),
      ),
    );
  }
  await store.close();
  rows.close();
  await writer.close();
}

/** Builds all views from the log, into an empty Redis and then beside the live ones. */
async function benchWrites(open: () => Promise<RedisViewWriter>): Promise<void> {
  const writer = await open();
  const first = await measured(async () => {
    await writer.caughtUp;
    return USERS;
  });
  printRates('guarded writes, log to an empty Redis', first);
  const second = await measured(async () => {
    await writer.rebuild();
    return USERS;
  });
  printRates('guarded writes, log to a second generation, with the switch', second);
  await writer.close();
}

async function benchReads(name: string, count: number, read: Read): Promise<void> {
  let next = 1;
  const keys = () =>
    Array.from({ length: count }, () => {
      next = (next * 48_271) % 0x7fff_ffff;
      return userId(next % USERS);
    });
  const readFor = async (ms: number, samples: number[]) => {
    const until = performance.now() + ms;
    let reads = 0;
    for (; performance.now() < until; reads++) {
      const wanted = keys();
      const since = performance.now();
      await read(wanted);
      samples.push(performance.now() - since);
    }
    return reads;
  };
  await readFor(WARM_UP_MS, []);
  const samples: number[] = [];
  await readFor(MEASURED_MS, samples);
  const aim = name === `rows of ${ROW_BYTES} B, 100 a read` ? { aim: AIM_100_ROWS_P99_MS } : {};
  print({ case: name, metric: 'p50_ms', value: percentile(samples, 0.5), unit: 'ms' });
  print({ case: name, metric: 'p99_ms', value: percentile(samples, 0.99), unit: 'ms', ...aim });
  const together = await measured(async () => {
    const lanes = Array.from({ length: IN_FLIGHT }, () => readFor(MEASURED_MS, []));
    return (await Promise.all(lanes)).reduce((sum, reads) => sum + reads, 0);
  });
  const { records: reads, seconds, cpuSeconds } = together;
  const shared = { case: `${name}, ${IN_FLIGHT} at once` };
  print({ ...shared, metric: 'requests_per_second', value: reads / seconds, unit: 'reads/s' });
  print({
    ...shared,
    metric: 'records_per_cpu_second',
    value: (reads * count) / cpuSeconds,
    unit: 'rows/cpu-s',
  });
}

type Rates = { readonly records: number; readonly seconds: number; readonly cpuSeconds: number };

/** Wall and processor time (all threads of this process, without Redis) of `work`, which gives a number of things. */
async function measured(work: () => Promise<number>): Promise<Rates> {
  const cpu = process.cpuUsage();
  const since = performance.now();
  const records = await work();
  const { user, system } = process.cpuUsage(cpu);
  return { records, seconds: (performance.now() - since) / 1000, cpuSeconds: (user + system) / 1e6 };
}

function printRates(name: string, { records, seconds, cpuSeconds }: Rates): void {
  print({ case: name, metric: 'records_per_second', value: records / seconds, unit: 'rows/s' });
  print({ case: name, metric: 'records_per_cpu_second', value: records / cpuSeconds, unit: 'rows/cpu-s' });
}

function print(figure: Omit<Figure, 'bench'>): void {
  printFigure({ bench: 'redis', ...figure });
}

function userId(index: number): string {
  return `user-${index}`;
}

/** A row of each user, about as long as those of a user with twenty events. */
async function writeRows(log: EmbeddedLog, topics: Topics): Promise<void> {
  const topic = topics['user-features-2'];
  const writer = await TopicWriter.open(log, topic);
  const value = rowOf(ROW_BYTES, (row) => topic.value.encode(row).length);
  const batch = 5_000;
  for (let from = 0; from < USERS; from += batch) {
    const records = Array.from({ length: batch }, (_, i) => ({ key: userId(from + i), value, timestamp: 0 }));
    await writer.write(records);
  }
  await writer.close();
}

function rowOf(bytes: number, lengthOf: (row: ViewState) => number): ViewState {
  const rows = asOfRows(userFeaturesView);
  const row = rows.empty();
  for (let i = 0; ; i++) {
    rows.fold(rows.insert(row, eventOf(i)), Number.POSITIVE_INFINITY);
    const state = rows.toViewState(row);
    if (lengthOf(state) >= bytes) return state;
  }
}

function eventOf(i: number): Interaction {
  return {
    event_id: `event-${i}`,
    user_id: 'user',
    item_id: `item-${i}`,
    kind: 'click',
    value: null,
    watch_ms: null,
    session_id: null,
    request_id: null,
    context: { device: null, country: null, language: null },
    ts: 1_700_000_000_000 + i * 60_000,
    original_ts: null,
    item: null,
  };
}
