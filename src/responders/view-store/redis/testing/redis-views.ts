/** A Redis for tests with the views of a test's world in it. */
import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { type Topic, TopicReader } from '#engine';
import { createLogger } from '#platform';
import type { TestWorld } from '../../../testing/world.ts';
import { RedisConnection } from '../connection.ts';
import { followedViews } from '../followed-view.ts';
import { GenerationWriter, type WriterEnvironment } from '../generation-writer.ts';
import { Generations } from '../generations.ts';
import { Keyspace } from '../keyspace.ts';
import { stableEnds } from '../progress.ts';
import type { RedisLocation, ViewsOwner } from '../redis-url.ts';
import { RedisRowReader } from '../row-reader.ts';
import { RedisViewStore } from '../view-store.ts';
import { RedisViewWriter } from '../view-writer.ts';

export const silent = createLogger({ level: 'silent', name: 'test' });

/** The address with a namespace that no other test has. */
export function ownNamespace(url: string): string {
  return `${url}?namespace=test-${randomUUID().slice(0, 8)}`;
}

export type RedisViews = Awaited<ReturnType<typeof redisViews>>;

export async function redisViews(t: TestContext, world: TestWorld, url: string, owner?: ViewsOwner) {
  const location: RedisLocation = { url, ...(owner && { owner }) };
  const connection = await RedisConnection.open(location, silent);
  t.after(() => connection.close());
  const keys = new Keyspace(connection.namespace);
  const generations = new Generations(connection, keys);
  const environment: WriterEnvironment = {
    ...world,
    connection,
    keys,
    views: followedViews(world.topics),
  };
  const rows = new RedisRowReader(connection);
  /** `part` follows the namespace. */
  const keysBelow = async (part: string): Promise<string[]> => {
    const all: string[] = [];
    for await (const page of connection.scan(`${connection.namespace}${part}*`, 500)) all.push(...page);
    return [...new Set(all)].sort();
  };
  return {
    environment,
    generations,
    rows,
    /** What differs between the newest rows of the topics and those in Redis; [] where nothing does. */
    async differences(): Promise<string[]> {
      const found: string[] = [];
      for (const { topic, entity } of environment.views) {
        const newest = await newestRows(world, topic);
        const addresses = [...newest.keys()].map((key) => ({ entity, topic: topic.name, key }));
        const read = await rows.read(addresses);
        for (const [i, { key }] of addresses.entries()) {
          const row = read[i];
          const stored = row === undefined ? null : row === 'damaged' ? row : row.value.toString('hex');
          const expected = newest.get(key)?.toString('hex') ?? null;
          if (stored !== expected) found.push(`${topic.name} ${key}: ${stored} instead of ${expected}`);
        }
      }
      return found;
    },
    /** All keys below the namespace. */
    keys: () => keysBelow(':'),
    keysBelow,
    async writer(): Promise<RedisViewWriter> {
      const writer = await RedisViewWriter.open(location, world, world.topics);
      t.after(() => writer.close());
      return writer;
    },
    async store(): Promise<RedisViewStore> {
      const store = await RedisViewStore.open(location, world, world.topics);
      t.after(() => store.close());
      return store;
    },
    /** What a writer does that has slept since the start of the topics. */
    async replay(): Promise<void> {
      const zombie = await GenerationWriter.open(environment, (await generations.live()) ?? '');
      zombie.start();
      await zombie.reached(await stableEnds(world.log, environment.views));
      await zombie.close();
    },
  };
}

async function newestRows(
  world: TestWorld,
  topic: Topic<string, Buffer>,
): Promise<Map<string, Buffer | null>> {
  const reader = await TopicReader.open(world.log, topic, { from: 'start' });
  const newest = new Map<string, Buffer | null>();
  for await (const records of reader.untilEnd()) {
    for (const { key, value } of records) newest.set(key, value);
  }
  await reader.close();
  return newest;
}
