import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { TopologyBuilder } from '../topology/builder.ts';
import { defineProcessor, port } from '../topology/processor.ts';
import type { Topology } from '../topology/topology.ts';
import { type DriverOptions, TopologyDriver } from './driver.ts';
import { json, jsonTopic } from './json-topic.ts';

// The examples of docs/ENGINE.md: what stands between `example` and `end` is shown there.

type View = { readonly item: string; readonly seconds: number };

const views = jsonTopic<View>('views');
const totals = jsonTopic<number>('totals');
const texts = jsonTopic<string>('texts');
const through = jsonTopic<View>('long-views');
const user = { ...jsonTopic<string>('names'), name: 'names' };

function begin(): TopologyBuilder {
  return new TopologyBuilder({ name: 'guide', generation: 1 });
}

async function run(t: TestContext, topology: Topology, options: DriverOptions = {}): Promise<TopologyDriver> {
  const declare = async (log: TopologyDriver['log']) => {
    await log.createTopics([views, totals, texts, through, user]);
    return topology;
  };
  const driver = await TopologyDriver.open(declare, options);
  t.after(() => driver.close());
  return driver;
}

async function outputs(driver: TopologyDriver, ...input: readonly (readonly [string, View, number])[]) {
  await driver.pipe(views, ...input);
  await driver.settle();
  return (await driver.read(texts)).map(({ key, value, timestamp }) => [key, value, timestamp]);
}

it('a first topology', async () => {
  // example: first-topology
  const builder = new TopologyBuilder({ name: 'watch-time', generation: 1 });
  builder
    .source(views)
    .filter(({ seconds }) => seconds >= 10)
    .aggregate('total', {
      initial: () => 0,
      add: (sum, { value }) => sum + value.seconds,
      value: json<number>(),
    })
    .to(totals);
  const topology = builder.build();
  // end
  // example: first-test
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([views, totals]);
    return topology;
  });
  await driver.pipe(views, ['ann', { item: 'a', seconds: 30 }, 1], ['ann', { item: 'b', seconds: 5 }, 2]);
  await driver.pipe(views, ['ann', { item: 'c', seconds: 12 }, 3]);
  await driver.settle();
  assert.deepEqual(
    (await driver.read(totals)).map(({ key, value }) => [key, value]),
    [
      ['ann', 30],
      ['ann', 42],
    ],
  );
  assert.deepEqual(await driver.store('total/state'), new Map([['ann', 42]]));
  // end
  await driver.close();
});

it('map, filter and flatMap', async (t) => {
  const builder = begin();
  // example: map
  builder
    .source(views)
    .filter(({ seconds }) => seconds > 0)
    .flatMap(({ item, seconds }) => (seconds > 60 ? [item, `${item} at length`] : [item]))
    .map((item, { key }) => `${key} saw ${item}`)
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  assert.deepEqual(
    await outputs(driver, ['ann', { item: 'a', seconds: 0 }, 1], ['ann', { item: 'b', seconds: 90 }, 2]),
    [
      ['ann', 'ann saw b', 2],
      ['ann', 'ann saw b at length', 2],
    ],
  );
});

it('branch and merge', async (t) => {
  const builder = begin();
  // example: branch
  const { short, long } = builder.source(views).branch({
    short: ({ seconds }) => seconds < 10,
    long: () => true,
  });
  short
    .map(({ item }) => `${item} was left`)
    .merge(long.map(({ item }) => `${item} was watched`))
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  assert.deepEqual(
    await outputs(driver, ['ann', { item: 'a', seconds: 30 }, 1], ['ann', { item: 'b', seconds: 3 }, 2]),
    [
      ['ann', 'a was watched', 1],
      ['ann', 'b was left', 2],
    ],
  );
});

it('keyBy and count', async (t) => {
  const builder = begin();
  // example: key-by
  builder
    .source(views)
    .keyBy('by-item', ({ item }) => item, { value: views.value })
    .count('views-of-item', { value: json<number>() })
    .to(totals);
  // end
  const driver = await run(t, builder.build());
  await outputs(driver, ['ann', { item: 'a', seconds: 1 }, 1], ['bob', { item: 'a', seconds: 1 }, 2]);
  assert.deepEqual(
    (await driver.read(totals)).map(({ key, value }) => [key, value]),
    [
      ['a', 1],
      ['a', 2],
    ],
  );
});

it('through a topic', async (t) => {
  const builder = begin();
  // example: through
  builder
    .source(views)
    .filter(({ seconds }) => seconds >= 60)
    .through(through)
    .map(({ item }) => item)
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  assert.deepEqual(await outputs(driver, ['ann', { item: 'a', seconds: 60 }, 1]), [['ann', 'a', 1]]);
  assert.equal((await driver.read(through)).length, 1);
});

it('reduce, emitted per commit', async (t) => {
  const builder = begin();
  // example: reduce
  builder
    .source(views)
    .reduce('longest', (longest, view) => (view.seconds > longest.seconds ? view : longest), {
      value: views.value,
      emit: 'per-commit',
    })
    .map(({ item, seconds }) => `${item}: ${seconds} s`, json<string>())
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  const ann = (item: string, seconds: number, at: number) => ['ann', { item, seconds }, at] as const;
  const first = await outputs(driver, ann('a', 5, 1), ann('b', 9, 2), ann('c', 7, 3));
  assert.deepEqual(first, [['ann', 'b: 9 s', 3]]);
  assert.deepEqual(await outputs(driver, ann('d', 11, 4)), [['ann', 'd: 11 s', 4]]);
});

it('a table joined with a stream', async (t) => {
  const builder = begin();
  // example: stream-table-join
  const names = builder.table(user);
  builder
    .source(views)
    .join('with-name', names, ({ item }, name) => `${name ?? 'someone'} saw ${item}`)
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(user, ['ann', 'Ann', 1]);
  await driver.settle();
  assert.deepEqual(
    await outputs(driver, ['ann', { item: 'a', seconds: 1 }, 2], ['bob', { item: 'a', seconds: 1 }, 3]),
    [
      ['ann', 'Ann saw a', 2],
      ['bob', 'someone saw a', 3],
    ],
  );
});

it('a table from a stream, filtered', async (t) => {
  const builder = begin();
  // example: to-table
  builder
    .source(views)
    .toTable(views.value)
    .filter(({ seconds }) => seconds >= 10)
    .to(through);
  // end
  const driver = await run(t, builder.build());
  await outputs(driver, ['ann', { item: 'a', seconds: 30 }, 1], ['ann', { item: 'b', seconds: 3 }, 2]);
  const rows = (await driver.read(through)).map(({ key, value }) => [key, value]);
  assert.deepEqual(rows, [
    ['ann', { item: 'a', seconds: 30 }],
    ['ann', null],
  ]);
});

it('a processor with a store and a timer', async (t) => {
  const builder = begin();
  // example: processor
  const sittings = defineProcessor({
    inputs: { views: port<string, View>() },
    outputs: { ended: port<string, number>() },
    stores: { seconds: { value: json<number>() } },
    process: {
      views: ({ key, value, timestamp }, { stores, setTimer }) => {
        stores.seconds.put(key, (stores.seconds.get(key) ?? 0) + value.seconds, timestamp);
        setTimer(key, timestamp + 1_000);
      },
    },
    onTimer: (key, dueMs, { stores, emit }) => {
      emit('ended', key, stores.seconds.get(key) ?? 0, dueMs);
      stores.seconds.delete(key, dueMs);
    },
  });
  builder.process('sittings', sittings, { views: builder.source(views) }).ended.to(totals);
  // end
  const driver = await run(t, builder.build());
  await outputs(driver, ['ann', { item: 'a', seconds: 3 }, 1], ['ann', { item: 'b', seconds: 4 }, 500]);
  await outputs(driver, ['bob', { item: 'a', seconds: 1 }, 1_500]);
  assert.deepEqual(
    (await driver.read(totals)).map(({ key, value, timestamp }) => [key, value, timestamp]),
    [['ann', 7, 1_500]],
  );
});

it('reads that go beyond the record’s own key, declared', async (t) => {
  const builder = begin();
  // example: reads
  const popular = defineProcessor({
    inputs: { views: port<string, View>() },
    outputs: { firsts: port<string, string>() },
    stores: { seen: { value: json<boolean>() } },
    reads: {
      views: ({ key, value }) => ({ seen: [`${key}/${value.item}`, { prefix: `${key}/` }] }),
    },
    process: {
      views: ({ key, value, timestamp }, { stores, emit, drop }) => {
        const place = `${key}/${value.item}`;
        if (stores.seen.get(place) === true) return drop('seen-before');
        stores.seen.put(place, true, timestamp);
        emit('firsts', key, `item ${[...stores.seen.prefix(`${key}/`)].length}: ${value.item}`, timestamp);
      },
    },
  });
  builder.process('popular', popular, { views: builder.source(views) }).firsts.to(texts);
  // end
  const driver = await run(t, builder.build());
  const ann = (item: string, at: number) => ['ann', { item, seconds: 1 }, at] as const;
  assert.deepEqual(await outputs(driver, ann('a', 1), ann('b', 2), ann('a', 3)), [
    ['ann', 'item 1: a', 1],
    ['ann', 'item 2: b', 2],
  ]);
  const metrics = await driver.metrics.render();
  assert.match(metrics, /engine_dropped_records_total\{operator="popular",reason="seen-before"\} 1/);
  assert.doesNotMatch(metrics, /engine_undeclared_reads_total\{/);
});

it('an undeclared read is loaded when it is met, and counted', async (t) => {
  const builder = begin();
  const chain = defineProcessor({
    inputs: { views: port<string, View>() },
    outputs: { sums: port<string, number>() },
    stores: { sums: { value: json<number>() } },
    process: {
      views: ({ key, value, timestamp }, { stores, emit }) => {
        emit('sums', 'attempt', 0, timestamp);
        const sum = (stores.sums.get(value.item) ?? 0) + value.seconds;
        stores.sums.put(value.item, sum, timestamp);
        emit('sums', key, sum + [...stores.sums.prefix('')].length, timestamp);
      },
    },
  });
  builder.process('chain', chain, { views: builder.source(views) }).sums.to(totals);
  const driver = await run(t, builder.build());
  const input = [
    ['ann', { item: 'a', seconds: 5 }, 1],
    ['bob', { item: 'b', seconds: 7 }, 2],
    ['ann', { item: 'a', seconds: 5 }, 3],
  ] as const;
  await outputs(driver, ...input);
  const results = (await driver.read(totals)).map(({ key, value }) => [key, value]);
  assert.deepEqual(results, [
    ['attempt', 0],
    ['ann', 6],
    ['attempt', 0],
    ['bob', 9],
    ['attempt', 0],
    ['ann', 12],
  ]);
  assert.match(
    await driver.metrics.render(),
    /undeclared_reads_total\{operator="chain",store="chain\/sums"\} 3/,
  );
});

it('a timer by the wall clock, in a processor that depends on arrival', async (t) => {
  const builder = begin();
  // example: wall-timer
  const reminders = defineProcessor({
    inputs: { views: port<string, View>() },
    outputs: { due: port<string, string>() },
    stores: {},
    dependsOnArrival: true,
    process: {
      views: ({ key }, { wallNow, setWallTimer }) => setWallTimer(key, wallNow + 60_000),
    },
    onWallTimer: (key, dueMs, { emit }) => emit('due', key, 'come back', dueMs),
  });
  builder.process('reminders', reminders, { views: builder.source(views) }).due.to(texts);
  // end
  const driver = await run(t, builder.build(), { wallClockMs: 1_000 });
  assert.deepEqual(await outputs(driver, ['ann', { item: 'a', seconds: 1 }, 5]), []);
  await driver.restart({ keepStores: false });
  driver.advanceWallClock(59_999);
  assert.deepEqual(await outputs(driver), []);
  driver.advanceWallClock(1);
  assert.deepEqual(await outputs(driver), [['ann', 'come back', 61_000]]);
  assert.deepEqual(await outputs(driver), []);
});

it('records without a key, kept', async (t) => {
  const builder = begin();
  // example: null-keys
  builder
    .source(views, { nullKeys: 'keep' })
    .map(({ item }, { key }) => `${key ?? 'nobody'} saw ${item}`)
    .to({ ...texts, key: { toText: (key) => key ?? '', fromText: (text) => text } });
  // end
  const driver = await run(t, builder.build());
  const producer = await driver.log.producer();
  await producer.append('views', 0, [
    { key: null, value: Buffer.from('{"item":"a","seconds":1}'), timestamp: 1 },
  ]);
  await producer.close();
  assert.deepEqual(await outputs(driver), [['', 'nobody saw a', 1]]);
  assert.deepEqual(await driver.readDeadLetters(), []);
});
