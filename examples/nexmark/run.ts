import { join } from 'node:path';
import {
  deadLetterTopic,
  rocksDatabases,
  StreamsRuntime,
  type Topic,
  TopicReader,
  type TopicRecord,
  writeRecords,
} from '#engine';
import { type Log, openEmbeddedLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { type Event, EventWriter, type Inputs, openInputs } from './events.ts';
import { endMs, type GeneratorOptions, generate, sideInput } from './generator.ts';
import type { Declared, Query } from './query.ts';

const DAY_MS = 86_400_000;
const CHUNK = 1_000;

/** The topics of a query's inputs, and all events in them. */
export async function writeEvents(log: Log, inputs: Inputs, options: GeneratorOptions): Promise<void> {
  await log.createTopics([inputs.persons, inputs.auctions, inputs.bids, inputs.side]);
  const rows = sideInput(options.seed).map((value) => ({ key: String(value.key), value }));
  await writeRecords(
    log,
    inputs.side,
    rows.map((row) => ({ ...row, timestamp: options.startMs })),
  );
  const writer = await EventWriter.open(log, inputs);
  let chunk: Event[] = [];
  for (const event of generate(options)) {
    chunk.push(event);
    if (chunk.length < CHUNK) continue;
    await writer.write(chunk);
    chunk = [];
  }
  await writer.write(chunk);
  // An import ends: nothing follows, so time goes on until every window and every auction has closed.
  await writer.announce(endMs(options) + DAY_MS);
  await writer.close();
}

/** The rows that count: every record of a stream, of a table the newest of each key. */
export async function resultsOf(log: Log, { result }: Query, output: Declared['output']) {
  const records = await readAll(log, output);
  if (result === 'stream') return records.map(({ value }) => value);
  const rows = new Map(records.map(({ key, value }) => [output.key.toText(key), value]));
  return [...rows.values()].filter((row) => row !== null);
}

async function readAll<K, V>(log: Log, topic: Topic<K, V>): Promise<TopicRecord<K, V>[]> {
  const reader = await TopicReader.open(log, topic, { from: 'start' });
  const records: TopicRecord<K, V>[] = [];
  for await (const chunk of reader.untilEnd()) records.push(...chunk);
  await reader.close();
  return records;
}

export type Outcome = {
  readonly results: readonly unknown[];
  /** Processing time; generating the events is not counted. */
  readonly seconds: number;
};

/** Runs a query over generated events, on a log of its own in `directory`, to the end of the events. */
export async function runQuery(
  name: string,
  query: Query,
  directory: string,
  options: GeneratorOptions & { readonly partitions: number },
): Promise<Outcome> {
  const logger = createLogger({ level: 'warn', name: 'nexmark' });
  const log = await openEmbeddedLog({ directory: join(directory, 'log'), clock: systemClock, logger });
  const inputs = await openInputs(log.registry, options);
  await writeEvents(log, inputs, options);
  const { topology, output } = await query.declare(name, log.registry, inputs);
  const deadLetters = await deadLetterTopic(log.registry);
  await log.createTopics([output, deadLetters]);
  const runtime = new StreamsRuntime({
    log,
    topology,
    deadLetters,
    databases: rocksDatabases(join(directory, 'state')),
    clock: systemClock,
    logger,
    metrics: createMetrics(),
    instanceId: 'nexmark',
    // Who dies of a bad record would rather know of it than go on: this is an example.
    onRecordError: 'fail',
  });
  await runtime.start();
  const begin = systemClock.monotonic();
  await runtime.runUntilCaughtUp();
  const seconds = (systemClock.monotonic() - begin) / 1e3;
  const results = await resultsOf(log, query, output);
  await runtime.close();
  await log.close();
  return { results, seconds };
}
