/** An embedded log with the examples, items and users of a small world: two groups of users, each with its own items. */

import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Topic, TopicReader, type TopicRecord, TopicWriter } from '#engine';
import { featureViews, itemFeaturesView, userFeaturesView } from '#features';
import { type EmbeddedLog, type Log, openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { Example, Item, Labels, User } from '#schemas';
import { openTopics, type Topics } from '#topologies';

export const startMs = Date.UTC(2026, 0, 1);
export const MINUTE_MS = 60_000;
const USERS = 24;
const ITEMS = 30;
const PER_USER = 10;

/** A log that the world is written to. */
type Opened = { readonly log: Log; readonly topics: Topics };

export type SmallWorld = {
  readonly log: EmbeddedLog;
  readonly topics: Topics;
  readonly dataDirectory: string;
};

/** Opens what is in a data directory. */
export async function openSmallWorld(dataDirectory: string): Promise<SmallWorld> {
  const logger = createLogger({ level: 'error', name: 'test' });
  // Power loss is not what these tests are about.
  const log = await openEmbeddedLog({
    directory: join(dataDirectory, 'log'),
    clock: systemClock,
    logger,
    synchronous: 'normal',
  });
  return { log, topics: await openTopics(log, log.registry), dataDirectory };
}

/** A new one, which goes with its test. */
export async function smallWorld(t: TestContext): Promise<SmallWorld> {
  const opened = await openSmallWorld(temporaryDirectory(t));
  t.after(() => opened.log.close());
  return opened;
}

/** Writes the world's items, users and 240 examples, all of them before the watermark. */
export async function fillSmallWorld({ log, topics }: Opened): Promise<void> {
  const allItems = Array.from({ length: ITEMS }, (_, i) => item(`i${i}`));
  const allUsers = Array.from({ length: USERS }, (_, u) => user(`u${u}`));
  await write(log, topics.items, allItems, ({ item_id }) => item_id);
  await write(log, topics.users, allUsers, ({ user_id }) => user_id);
  await writeExamples({ log, topics }, smallExamples());
  await announce({ log, topics }, startMs + USERS * PER_USER * MINUTE_MS);
}

export function smallExamples(): Example[] {
  return Array.from({ length: USERS * PER_USER }, (_, n) => {
    const u = n % USERS;
    const round = Math.floor(n / USERS);
    // An item of the user's group, another one in each round.
    const i = 2 * ((u * 7 + round * 4 + (round % 3)) % (ITEMS / 2)) + (u % 2);
    const recent = Array.from({ length: Math.min(round, 5) }, (_, back) => {
      const before = round - 1 - back;
      return `i${2 * ((u * 7 + before * 4 + (before % 3)) % (ITEMS / 2)) + (u % 2)}`;
    });
    return example(`u${u}`, `i${i}`, startMs + n * MINUTE_MS, recent);
  });
}

export function example(userId: string, itemId: string, ts: number, recentItems: string[] = []): Example {
  const user = userFeaturesView.finish(userFeaturesView.empty(), ts);
  const item = itemFeaturesView.finish(itemFeaturesView.empty(), ts);
  const example = {
    ...otherRows,
    event_id: `e-${userId}-${itemId}-${ts}`,
    user_id: userId,
    item_id: itemId,
    kind: 'view',
    value: null,
    weight: 0.5,
    ts,
    request_id: null,
    user: { ...user, events: 1, views: 1, rating_mean: 3.3, watch_ms: 12, recent_items: recentItems },
    profile: { age: 30, gender: 'female', occupation: 'baker', country: null },
    item: { ...item, impressions: 3, views: 1, ctr: 0.1, positives: 2, popularity: 1.5, days_since_last: 2 },
    category: null,
    pair: null,
    facts: null,
    popularity_rank: null,
    context: null,
    position: null,
    propensity: null,
    labels: null,
  };
  return example as Example;
}

/** Null rows for the views that the small world leaves out. */
const otherRows = Object.fromEntries(featureViews.map(({ exampleField = '' }) => [exampleField, null]));

export function item(itemId: string, title = `Item ${itemId}`): Item {
  return {
    item_id: itemId,
    type: 'video',
    title,
    category: Number(itemId.slice(1)) % 2 === 0 ? 'even' : 'odd',
    tags: [`tag${Number(itemId.slice(1)) % 3}`],
    duration_ms: 90_000,
    difficulty: null,
    language: 'en',
    available: true,
    age_limit: 0,
    countries: [],
    created: startMs,
  };
}

export function user(userId: string, occupation = 'baker'): User {
  return {
    user_id: userId,
    age: 30,
    gender: 'female',
    occupation,
    country: null,
    language: null,
    created: startMs,
  };
}

/** Labels of an example of which nothing came. */
export const noLabels: Labels = {
  click: false,
  complete: false,
  like: false,
  watch_fraction: null,
  rating: null,
  purchase_value: null,
};

export async function writeExamples({ log, topics }: Opened, examples: readonly Example[]) {
  await write(log, topics.examples, examples, ({ user_id }) => user_id);
}

/** Nothing before `ms` will follow on `examples`. */
export async function announce({ log, topics }: Opened, ms: number): Promise<void> {
  const writer = await TopicWriter.open(log, topics.examples);
  await writer.announce(ms);
  await writer.close();
}

export async function write<V>(
  log: Log,
  topic: Topic<string, V>,
  values: readonly V[],
  keyOf: (value: V) => string,
): Promise<void> {
  const writer = await TopicWriter.open(log, topic);
  await writer.write(values.map((value) => ({ key: keyOf(value), value, timestamp: startMs })));
  await writer.close();
}

export async function readAll<V>(log: Log, topic: Topic<string, V>): Promise<TopicRecord<string, V>[]> {
  const reader = await TopicReader.open(log, topic, { from: 'start' });
  const records: TopicRecord<string, V>[] = [];
  for await (const polled of reader.untilEnd()) records.push(...polled);
  await reader.close();
  return records;
}
