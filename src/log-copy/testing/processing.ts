import {
  compareTaskWithRebuild,
  type DatabaseProvider,
  deadLetterTopic,
  defineProcessor,
  memoryDatabases,
  placesOf,
  port,
  StoresOnDisk,
  StreamsRuntime,
  type Topic,
  TopicWriter,
  TopologyBuilder,
  verifyTask,
} from '#engine';
import { json, jsonTopic } from '#engine/testing';
import { createLogger, createMetrics, errorCode, systemClock } from '#platform';
import type { Side } from './sides.ts';

export const many = jsonTopic<number>('many', 2);
export const left = jsonTopic<number>('left');
export const rows: Topic<string, number> = {
  ...jsonTopic<number>('rows'),
  cleanup: { policy: 'compact', tombstoneRetentionMs: 86_400_000 },
};

const builder = new TopologyBuilder({ name: 'copied', generation: 1 });
const add = (sum: number, { value }: { value: number }) => sum + value;
builder
  .source(many)
  .aggregate('by-key', { initial: () => 0, add, value: json<number>() })
  .toStream()
  .map((sum) => sum ?? 0)
  .keyBy('by-letter', (_, key) => key.slice(0, 1), { value: json<number>(), partitions: 2 })
  .aggregate('by-letter-sum', { initial: () => 0, add, value: json<number>() });
const keep = defineProcessor({
  inputs: { left: port<string, number>(), rows: port<string, number>() },
  outputs: {},
  stores: { newest: { value: json<unknown>() } },
  dependsOnArrival: true,
  process: {
    left: ({ key, value, timestamp }, { stores, wallNow }) =>
      stores.newest.put(key, { left: value, wallNow }, timestamp),
    rows: ({ key, value, timestamp }, { stores, wallNow }) =>
      stores.newest.put(key, { row: value, wallNow }, timestamp),
  },
});
builder.process('arrivals', keep, { left: builder.source(left), rows: builder.source(rows) });

/** Tasks with a repartition topic between, and one with state that depends on the order of two inputs. */
export const topology = builder.build();
export const GROUP = 'copied-1';

const logger = createLogger({ level: 'silent', name: 'test' });

/** Brokers delete old records of repartition topics. */
const begin = Date.now() - 60_000;

export async function write(
  { log }: Side,
  topic: Topic<string, number>,
  ...records: readonly (readonly [key: string, value: number])[]
): Promise<void> {
  const writer = await TopicWriter.open(log, topic);
  for (const [key, value] of records) await writer.write([{ key, value, timestamp: begin + value }]);
  await writer.close();
}

/** Processes what there is, in several commits. */
export async function settle({ log, registry }: Side, databases = memoryDatabases()): Promise<void> {
  const deadLetters = await deadLetterTopic(registry);
  await log.createTopics([deadLetters]);
  const metrics = createMetrics();
  const runtime = new StreamsRuntime({
    ...{ log, topology, databases, logger, metrics, deadLetters },
    clock: systemClock,
    instanceId: 'a',
    commitIntervalMs: 0,
    batchRecords: 3,
  });
  try {
    await runtime.start();
    do await runtime.runOnce(0);
    while (!runtime.isCaughtUp);
    await runtime.run(AbortSignal.abort());
  } finally {
    await runtime.close();
  }
}

/** By task: "equal", "different", or the code of the error that says why it is unknown. */
export async function verified(
  { log }: Side,
  databases?: DatabaseProvider,
): Promise<Record<string, string | undefined>> {
  const results: Record<string, string | undefined> = {};
  for (const place of placesOf(topology)) {
    const onDisk = databases && (await StoresOnDisk.open(place, databases));
    try {
      const { difference, uncompared } = await verifyTask(place, { log, topology, logger, onDisk });
      const isEqual =
        uncompared.length === 0 && (onDisk?.results() ?? []).every(({ result }) => result === 'equal');
      results[place.name] = difference === undefined && isEqual ? 'equal' : 'different';
    } catch (error) {
      results[place.name] = errorCode(error);
    } finally {
      await onDisk?.close();
    }
  }
  return results;
}

/** The same without the journal, forced where state depends on arrival: names of stores that differ. */
export async function differentFromRebuild({ log }: Side): Promise<readonly string[]> {
  const different: string[] = [];
  for (const place of placesOf(topology)) {
    if (place.subTopology.nodes.some(({ name }) => name === 'arrivals')) continue;
    const comparison = await compareTaskWithRebuild(place, { log, topology, logger, clock: systemClock });
    different.push(...(comparison?.stores.different ?? []), ...(comparison?.stores.incomparable ?? []));
  }
  return different;
}
