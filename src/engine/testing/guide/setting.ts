/** What the examples of docs/ENGINE.md share: topics, and ways to run a topology over a log in memory. */

import type { TestContext } from 'node:test';
import {
  deadLetterTopic,
  memoryDatabases,
  type RuntimeOptions,
  StreamsRuntime,
  type Topic,
  TopicWriter,
  type Topology,
  TopologyBuilder,
  textKey,
  type Windowed,
  windowedKey,
} from '#engine';
import { type DriverOptions, jsonTopic, TopologyDriver } from '#engine/testing';
import { type Log, openSimulatedLog, type SimulatedLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';

// example: topics
export type View = { readonly item: string; readonly seconds: number };
export type Purchase = { readonly item: string; readonly price: number };
export type User = { readonly name: string; readonly country: string };
export type Item = { readonly title: string; readonly author: string | null };

/** Under the user's key. */
export const views = jsonTopic<View>('views');
export const purchases = jsonTopic<Purchase>('purchases');
export const users = jsonTopic<User>('users');
/** Under the item's. */
export const items = jsonTopic<Item>('items');
// end

export const totals = jsonTopic<number>('totals');
export const texts = jsonTopic<string>('texts');
export const longViews = jsonTopic<View>('long-views');
export const lateViews = jsonTopic<View>('late-views');
/** Counts by user and window. */
export const windowed: Topic<Windowed<string>, number> = {
  ...jsonTopic<number>('windowed'),
  key: windowedKey(textKey),
};

const all = [views, purchases, users, items, totals, texts, longViews, lateViews, windowed].map(
  ({ name, partitions, cleanup }) => ({ name, partitions, cleanup }),
);

export const logger = createLogger({ level: 'silent', name: 'guide' });

export function begin(generation = 1): TopologyBuilder {
  return new TopologyBuilder({ name: 'guide', generation });
}

export async function run(
  t: TestContext,
  topology: Topology,
  options: DriverOptions = {},
): Promise<TopologyDriver> {
  const declare = async (log: TopologyDriver['log']) => {
    await log.createTopics(all);
    return topology;
  };
  const driver = await TopologyDriver.open(declare, options);
  t.after(() => driver.close());
  return driver;
}

/** What came out since the last call: key, value, timestamp. */
export async function read<V>(driver: TopologyDriver, topic: Topic<string, V>) {
  return (await driver.read(topic)).map(({ key, value, timestamp }) => [key, value, timestamp] as const);
}

/** What came out of windows since the last call: key, start and end of the window, value. */
export async function readWindows(driver: TopologyDriver) {
  return (await driver.read(windowed)).map(({ key: { key, startMs, endMs }, value }) => {
    return [key, startMs, endMs, value] as const;
  });
}

/** A log in memory with the topics of the examples. */
export async function openLog(t: TestContext): Promise<SimulatedLog> {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0 });
  t.after(() => log.close());
  await log.createTopics(all);
  return log;
}

/** A runtime that has started and processed everything; it is closed with the test. */
export async function start(
  t: TestContext,
  log: SimulatedLog,
  topology: Topology,
  options: Partial<RuntimeOptions> = {},
): Promise<StreamsRuntime> {
  const deadLetters = await deadLetterTopic(log.registry);
  await log.createTopics([deadLetters]);
  const runtime = new StreamsRuntime({
    log,
    topology,
    deadLetters,
    logger,
    databases: memoryDatabases(),
    clock: systemClock,
    metrics: createMetrics(),
    instanceId: 'one',
    commitIntervalMs: 0,
    ...options,
  });
  t.after(() => runtime.close());
  await runtime.start();
  await runtime.runUntilCaughtUp(0);
  return runtime;
}

/** Commits, leaves the group and closes, as at the end of a process. */
export async function stop(runtime: StreamsRuntime): Promise<void> {
  await runtime.run(AbortSignal.abort());
}

/** Writes from outside, as a producer does. */
export async function write<K, V>(
  log: Log,
  topic: Topic<K, V>,
  ...records: readonly (readonly [key: K, value: V | null, timestamp: number])[]
): Promise<void> {
  const writer = await TopicWriter.open(log, topic);
  await writer.write(records.map(([key, value, timestamp]) => ({ key, value, timestamp })));
  await writer.close();
}
