import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { type Log, openSimulatedLog, type TopicPartition } from '#log';
import { createMetrics, FatalError } from '#platform';
import { ManualClock, temporaryDirectory } from '#platform/testing';
import type { Topic } from '../../serde.ts';
import { memoryDatabases } from '../../store/memory/memory-database.ts';
import type { DatabaseProvider } from '../../store/port.ts';
import { rocksDatabases } from '../../store/rocksdb/rocksdb-database.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopicReader } from '../../topic-reader.ts';
import { TopicWriter } from '../../topic-writer.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import { caughtUp, World } from '../../verify/testing/world.ts';
import { altered, Elapsing } from '../testing/sums.ts';
import { GlobalTables } from './global-tables.ts';

const TOMBSTONES_KEPT_MS = 10_000;
const COPY = 'global.a.items';

const orders = jsonTopic<string>('orders', 4);
const items = {
  ...jsonTopic<string>('items', 3),
  cleanup: { policy: 'compact', tombstoneRetentionMs: TOMBSTONES_KEPT_MS } as const,
};
const others = jsonTopic<string>('others');
const lines = jsonTopic<string>('lines');

/** Orders name the item. */
function shop(table: Topic<string, string> = items) {
  const builder = new TopologyBuilder({ name: 'shop', generation: 1 });
  builder
    .source(orders)
    .leftJoinGlobal(
      'with-item',
      builder.globalTable(table),
      ({ value }) => value,
      (item, name) => `${item} is ${name ?? 'unknown'}`,
    )
    .to(lines);
  return builder.build();
}

const specs = [orders, items, lines];
const open = (t: TestContext) => World.open(t, [orders, items, others, lines]);

async function linesOf(log: Log): Promise<(string | null)[]> {
  const reader = await TopicReader.open(log, lines, { from: 'start' });
  const found: (string | null)[] = [];
  for await (const chunk of reader.untilEnd()) found.push(...chunk.map(({ value }) => value));
  await reader.close();
  return found;
}

/** A log that notes from which offsets the items are read. */
function noting(log: Log) {
  const assigned: number[][] = [];
  const noted = altered(log, {
    consumer: async (options) => {
      const consumer = await log.consumer(options);
      const assign = (positions: readonly (TopicPartition & { readonly offset: number })[]) => {
        const own = positions.filter(({ topic }) => topic === items.name);
        if (own.length > 0) assigned.push(own.map(({ offset }) => offset));
        consumer.assign(positions);
      };
      return altered(consumer, { assign });
    },
  });
  return { log: noted, assigned };
}

it('a copy goes on where it was left, after a crash and after a stop', async (t) => {
  const world = await open(t);
  await world.pipe(items, ...['a', 'b', 'c', 'd'].map((key) => [key, key, 1] as const));
  const { log, assigned } = noting(world.log);
  const crashed = await world.start(shop(), { log });
  await crashed.runOnce(0);
  const stopped = await world.start(shop(), { log });
  await stopped.run(AbortSignal.abort());
  await world.pipe(items, ['a', 'A', 2]);
  await world.pipe(orders, ['u', 'a', 1], ['u', 'b', 1]);
  await world.settle(shop(), { log });
  assert.deepEqual(await linesOf(world.log), ['a is A', 'b is b']);
  assert.deepEqual(assigned[0], [0, 0, 0]);
  const ends = (await world.log.describeTopics([items.name]))[0]?.offsets.map(({ stable }) => stable) ?? [];
  assert.equal(
    assigned[1]?.reduce((sum, offset) => sum + offset),
    4,
  );
  assert.deepEqual(assigned[2], assigned[1]);
  assert.equal(
    ends.reduce((sum, offset) => sum + offset),
    5,
  );
});

it('a table of many fetches is read to its end before the first record', async (t) => {
  const world = await open(t);
  const filler = 'x'.repeat(20_000);
  const writer = await TopicWriter.open(world.log, items);
  for (let round = 0; round < 5; round++) {
    const records = Array.from({ length: 60 }, (_, i) => {
      return { key: `k${round * 60 + i}`, value: `${round}-${i}-${filler}`, timestamp: 1 };
    });
    await writer.write(records);
  }
  await writer.close();
  await world.pipe(orders, ['u', 'k299', 1]);
  await world.settle(shop());
  assert.deepEqual(await linesOf(world.log), [`k299 is 4-59-${filler}`]);
});

it('rows of a transaction are there when it has committed', async (t) => {
  const world = await open(t);
  const runtime = await world.start(shop());
  const producer = await world.log.transactionalProducer('writer');
  const append = (value: string) => {
    const record = { key: Buffer.from('a'), value: Buffer.from(JSON.stringify(value)), timestamp: 1 };
    producer.append(items.name, 0, [record]);
  };
  append('aborted');
  await producer.abort();
  append('committed');
  await world.pipe(orders, ['u', 'a', 1]);
  await caughtUp(runtime);
  await producer.commit();
  await world.pipe(orders, ['u', 'a', 2]);
  await caughtUp(runtime);
  assert.deepEqual(await linesOf(world.log), ['a is unknown', 'a is committed']);
  await producer.close();
  await runtime.close();
});

/** What makes a copy unusable, by what it is. */
const misfits: Readonly<Record<string, (world: World) => Promise<void> | void>> = {
  'that can’t be opened': (world) => {
    let isDamaged = true;
    const { databases } = world;
    Object.assign(world, {
      databases: altered(databases, {
        open: (name) => {
          if (!isDamaged || name !== COPY) return databases.open(name);
          return Promise.reject(new FatalError('MR_STORE_CORRUPT', 'no MANIFEST', { hint: 'destroy it' }));
        },
        destroy: (name) => {
          if (name === COPY) isDamaged = false;
          return databases.destroy(name);
        },
      }),
    });
  },
  'that is ahead of a log which has lost its end': (world) => {
    for (let partition = 0; partition < items.partitions; partition++)
      world.log.faults.loseTail({ topic: items.name, partition }, 0);
  },
  'of a topic that was recreated with other partitions': async (world) => {
    await world.log.deleteTopics([items.name]);
    await world.log.createTopics([{ ...items, partitions: 7 }]);
  },
  'that was left for longer than tombstones are kept': (world) => {
    world.wallNow += TOMBSTONES_KEPT_MS + 1;
  },
};

for (const [what, spoil] of Object.entries(misfits)) {
  it(`a copy is reread: one ${what}`, async (t) => {
    const world = await open(t);
    await world.pipe(items, ['a', 'a', 1], ['b', 'b', 1], ['c', 'c', 1]);
    await world.pipe(orders, ['u', 'c', 1]);
    await world.settle(shop());
    await spoil(world);
    await world.pipe(items, ['a', 'A', 2], ['b', 'B', 2]);
    await world.pipe(orders, ['u', 'a', 2], ['u', 'b', 2]);
    const { log, assigned } = noting(world.log);
    await world.settle(shop(), { log });
    assert.deepEqual(await linesOf(world.log), ['c is c', 'a is A', 'b is B']);
    assert.deepEqual(new Set(assigned.at(-1)), new Set([0]));
  });
}

it('a topic that keeps no tombstones at all is followed', async (t) => {
  const world = await open(t);
  const brief = { ...items, name: 'brief', cleanup: { policy: 'compact', tombstoneRetentionMs: 0 } } as const;
  await world.log.createTopics([{ name: brief.name, partitions: 1, cleanup: brief.cleanup }]);
  const runtime = await world.start(shop(brief));
  for (const round of [1, 2, 3]) {
    world.wallNow += 1_000;
    await world.pipe({ ...brief, partitions: 1 }, ['a', `${round}`, round]);
    await world.pipe(orders, ['u', 'a', round]);
    await caughtUp(runtime);
  }
  assert.deepEqual(await linesOf(world.log), ['a is 1', 'a is 2', 'a is 3']);
  await runtime.close();
});

it('a copy is reread if its rows were written with another schema', async (t) => {
  const world = await open(t);
  await world.pipe(items, ['a', 'a', 1]);
  await world.settle(shop());
  await world.pipe(orders, ['u', 'a', 2]);
  const { log, assigned } = noting(world.log);
  await world.settle(shop({ ...items, value: json<string>('wider') }), { log });
  assert.deepEqual(await linesOf(world.log), ['a is a']);
  assert.deepEqual(assigned, [[0, 0, 0]]);
});

it('a copy that turns out to be damaged while it is read is rebuilt, and each record comes out once', async (t) => {
  const world = await open(t);
  await world.pipe(items, ['a', 'a', 1], ['b', 'b', 1]);
  let isDamaged = false;
  let destroyed = 0;
  const { databases } = world;
  const damaged: DatabaseProvider = {
    destroy: (name) => {
      isDamaged = false;
      destroyed++;
      return databases.destroy(name);
    },
    open: async (name) => {
      const database = await databases.open(name);
      const getMany = database.getMany.bind(database);
      database.getMany = (keys) => {
        if (!isDamaged || name !== COPY) return getMany(keys);
        return Promise.reject(new FatalError('MR_STORE_CORRUPT', 'checksum', { hint: 'destroy it' }));
      };
      return database;
    },
  };
  const metrics = createMetrics();
  const runtime = await world.start(shop(), { databases: damaged, cacheEntries: 1, metrics });
  await world.pipe(orders, ['u', 'b', 1]);
  await caughtUp(runtime);
  isDamaged = true;
  await world.pipe(orders, ['u', 'a', 2], ['u', 'b', 3]);
  await caughtUp(runtime);
  assert.equal(destroyed, 1);
  assert.deepEqual(await linesOf(world.log), ['b is b', 'a is a', 'b is b']);
  assert.match(await metrics.render(), /retries_total\{reason="MR_GLOBAL_TABLE_DAMAGED"\} 1/);
  await runtime.close();
});

it('a write that fails leaves nothing behind in memory that the database lacks', async (t) => {
  const world = await open(t);
  let failing = 0;
  const { databases } = world;
  const full: DatabaseProvider = altered(databases, {
    open: async (name) => {
      const database = await databases.open(name);
      const write = database.write.bind(database);
      database.write = (changes) =>
        failing-- > 0 ? Promise.reject(new Error('no space left')) : write(changes);
      return database;
    },
  });
  const runtime = await world.start(shop(), { databases: full });
  await world.pipe(items, ['a', 'a', 1]);
  failing = 1;
  await assert.rejects(runtime.runOnce(0), /no space left/);
  await world.pipe(orders, ['u', 'a', 1]);
  await caughtUp(runtime);
  await runtime.close();
  await world.pipe(orders, ['u', 'a', 2]);
  await world.settle(shop());
  assert.deepEqual(await linesOf(world.log), ['a is a', 'a is a']);
});

it('another topic, or none, is no change of state: nothing is refused', async (t) => {
  const world = await open(t);
  await world.pipe(items, ['a', 'an item', 1]);
  await world.pipe(others, ['a', 'another', 1]);
  const topologies = [shop(), shop({ ...items, ...others }), shop()];
  for (const topology of topologies) {
    await world.pipe(orders, ['u', 'a', 1]);
    await world.settle(topology);
  }
  assert.deepEqual(await linesOf(world.log), ['a is an item', 'a is another', 'a is an item']);
});

it('members have copies of their own, also on one disk', async (t) => {
  const world = await open(t);
  const databases = rocksDatabases(temporaryDirectory(t));
  const nodes = shop().subTopologies.flatMap((subTopology) => subTopology.nodes);
  const environment = { ...world, databases, metrics: createMetrics(), cacheEntries: 10 };
  const members = ['a', 'b/c'].map((member) => new GlobalTables(member, nodes, environment));
  await world.pipe(items, ['a', 'apple', 1]);
  for (const member of members) {
    await member.catchUp(() => {});
    assert.deepEqual(await Array.fromAsync(member.entries(items.name)), [['a', 'apple']]);
  }
  for (const member of members) await member.close();
});

it('two processes: a record finds every row that was readable before it, in whichever its task runs', async () => {
  const clock = new ManualClock(1_000_000);
  const elapse = new Elapsing(clock);
  const log = openSimulatedLog({ clock, random: Math.random });
  await elapse.of(log.createTopics(specs));
  const topology = shop();
  const member = (id: string) =>
    elapse.launch(log.connect(), id, { topology, databases: memoryDatabases(), commitIntervalMs: 500 });
  const [a, b] = [await member('a'), await member('b')];
  await elapse.until(() => a.runtime.tasks.length === 2 && b.runtime.tasks.length === 2);
  const itemsWriter = await elapse.of(TopicWriter.open(log, items));
  const ordersWriter = await elapse.of(TopicWriter.open(log, orders));
  for (let round = 0; round < 20; round++) {
    const names = Array.from({ length: 5 }, (_, i) => `i${(round + i) % 9}`);
    await elapse.of(itemsWriter.write(names.map((key) => ({ key, value: `row ${round}`, timestamp: 1 }))));
    await elapse.of(ordersWriter.write(names.map((value, i) => ({ key: `u${i}`, value, timestamp: round }))));
    await clock.advance(round * 37);
  }
  const committed = () => [a, b].every(({ runtime }) => runtime.isCaughtUp);
  await elapse.until(committed);
  const reader = await elapse.of(TopicReader.open(log, lines, { from: 'start' }));
  const found: { value: string | null; timestamp: number }[] = [];
  while (found.length < 100) found.push(...(await elapse.of(reader.poll(10))));
  for (const { value, timestamp } of found) {
    const row = Number(/ is row (\d+)$/.exec(value ?? '')?.[1]);
    assert.ok(row >= timestamp, `${value} at ${timestamp}`);
  }
  assert.equal(found.length, 100);
  await elapse.of(reader.close());
  for (const writer of [itemsWriter, ordersWriter]) await elapse.of(writer.close());
  for (const instance of [a, b]) await elapse.stop(instance);
  await elapse.of(log.close());
});
