import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { TopologyBuilder } from '../topology/builder.ts';
import { describeTopology } from '../topology/describe.ts';
import { hopping, session, sliding } from '../topology/windows/window.ts';
import { TopologyDriver } from './driver.ts';
import { json, jsonTopic } from './json-topic.ts';

const input = jsonTopic<number>('input', 2);
const output = jsonTopic<string>('output', 2);
type Basket = { items: number[]; nested: { sum: number } };
const basket = json<Basket>();

function open(t: TestContext, declare: (builder: TopologyBuilder) => void): Promise<TopologyDriver> {
  const driver = TopologyDriver.open(async (log) => {
    await log.createTopics([input, output]);
    const builder = new TopologyBuilder({ name: 'checked', generation: 1 });
    declare(builder);
    return builder.build();
  });
  t.after(async () => (await driver).close());
  return driver;
}

describe('the test driver', () => {
  it('pipes records without a key, round the partitions, and headers', async (t) => {
    const driver = await open(t, (builder) => {
      const keys = builder.source(input, { nullKeys: 'keep' });
      keys
        .map((n, { key }) => `${key} ${n}`)
        .to({ ...output, key: { toText: (key: string | null) => key ?? '', fromText: (text) => text } });
    });
    const parent = Buffer.from('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
    await driver.pipe(input, [null, 1, 1], [null, 2, 2, [['traceparent', parent]]], ['a', 3, 3]);
    await driver.settle();
    const found = (await driver.read(output)).map(({ value }) => value);
    assert.deepEqual(found.sort(), ['a 3', 'null 1', 'null 2']);
    const offsets = (await driver.log.describeTopics(['input']))[0]?.offsets.map(({ end }) => end) ?? [];
    assert.deepEqual(
      offsets.map((end) => end > 0),
      [true, true],
    );
    const consumer = await driver.log.consumer();
    consumer.assign([0, 1].map((partition) => ({ topic: 'output', partition, offset: 0 })));
    const headers = [];
    for (const batch of await consumer.poll(0))
      for (let i = 0; i < batch.count; i++)
        headers.push(...batch.headers(i).map(([name, value]) => `${name} ${value}`));
    await consumer.close();
    assert.deepEqual(headers, [`traceparent ${parent}`]);
  });

  it('refuses a key that is no text', async (t) => {
    const driver = await open(t, (builder) => builder.source(input).map(String).to(output));
    await assert.rejects(driver.pipe(input, [7 as never, 1, 1]), {
      code: 'MR_RECORD_KEY',
      message: 'input: the key 7 is a number, not a string',
    });
  });

  it('knows the stores that the topology’s description names, and lists them where it is asked for another', async (t) => {
    const builder = new TopologyBuilder({ name: 'checked', generation: 1 });
    const declare = (builder: TopologyBuilder) => {
      builder
        .source(input)
        .windowed(session({ gapMs: 1, graceMs: 0 }))
        .count('counted', { value: json<number>() });
    };
    declare(builder);
    const driver = await open(t, declare);
    const names = describeTopology(builder.build()).subTopologies.flatMap(({ stores }) =>
      stores.map(({ name }) => name),
    );
    assert.deepEqual(names, ['counted/windows', 'counted/timers']);
    for (const name of names) assert.equal((await driver.store(name)).size, 0);
    await assert.rejects(driver.store('counted'), {
      code: 'MR_QUERY_STORE_UNKNOWN',
      message: 'there is no store "counted"; the topology has counted/windows, counted/timers',
    });
  });
});

/** Adds to the state that it is given, where it should make another. */
const mutating = {
  initial: (): Basket => ({ items: [], nested: { sum: 0 } }),
  add: (state: Basket, { value }: { value: number }) => {
    state.nested.sum += value;
    return state;
  },
  merge: (earlier: Basket, later: Basket) => {
    earlier.items.push(...later.items);
    return earlier;
  },
  subtract: (state: Basket) => state,
  value: basket,
};

describe('a state that is changed in place ends the run of the driver, with the operator named', () => {
  const cases: Readonly<Record<string, (builder: TopologyBuilder) => void>> = {
    aggregate: (builder) => void builder.source(input).aggregate('made', mutating),
    'a hopping window': (builder) =>
      void builder
        .source(input)
        .windowed(hopping({ sizeMs: 10, advanceMs: 5, graceMs: 0 }))
        .aggregate('made', { ...mutating, emit: 'on-close' }),
    'a sliding window': (builder) =>
      void builder
        .source(input)
        .windowed(sliding({ timeDifferenceMs: 10, graceMs: 0 }))
        .aggregate('made', mutating),
    'sessions that are merged': (builder) =>
      void builder
        .source(input)
        .windowed(session({ gapMs: 10, graceMs: 0 }))
        .aggregate('made', {
          ...mutating,
          add: (state: Basket, { value }: { value: number }) => ({
            ...state,
            items: [...state.items, value],
          }),
          initial: (() => {
            const shared: Basket = Object.freeze({ items: Object.freeze([]) as never, nested: { sum: 0 } });
            return () => shared;
          })(),
        }),
    'a group': (builder) =>
      void builder
        .source(input)
        .toTable(json<number>())
        .groupBy('all', () => 'all')
        .aggregate('made', {
          ...mutating,
          add: (state, n) => {
            state.items.push(n);
            return state;
          },
        }),
  };
  for (const [name, declare] of Object.entries(cases)) {
    it(name, async (t) => {
      const driver = await open(t, declare);
      await driver.pipe(input, ['a', 1, 11], ['a', 2, 12], ['a', 3, 13]);
      await assert.rejects(driver.settle(), {
        code: 'MR_TOPOLOGY_INVALID',
        message: 'made changes a state in place',
      });
    });
  }

  it('after a restart too, and no other error is taken for it', async (t) => {
    const driver = await open(t, (builder) => {
      builder.source(input).aggregate('made', {
        ...mutating,
        add: (state: Basket, { value }: { value: number }) => {
          if (value === 1) return { ...state, items: [1] };
          if (value === 2) throw new TypeError('2 is no value');
          state.items.push(value);
          return state;
        },
      });
    });
    await driver.pipe(input, ['a', 1, 11], ['a', 2, 12]);
    await driver.settle();
    assert.deepEqual(
      (await driver.readDeadLetters()).map(({ value }) => value?.message),
      ['2 is no value'],
    );
    await driver.restart({ keepStores: true });
    await driver.pipe(input, ['a', 3, 13]);
    await assert.rejects(driver.settle(), { code: 'MR_TOPOLOGY_INVALID' });
  });
});
