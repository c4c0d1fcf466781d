import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { TopologyBuilder } from '../topology/builder.ts';
import { defineProcessor, port } from '../topology/processor.ts';
import { type DriverOptions, TopologyDriver } from './driver.ts';
import { json, jsonTopic } from './json-topic.ts';

const input = jsonTopic<number>('input');
const output = jsonTopic<number>('output');
const others = jsonTopic<number>('others');
const value = json<number>();
const ports = {
  inputs: { records: port<string, number>() },
  outputs: { records: port<string, number>() },
} as const;

async function open(
  t: TestContext,
  declare: (builder: TopologyBuilder) => void,
  options: DriverOptions = {},
): Promise<TopologyDriver> {
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics(
      [input, output, others].map(({ name, partitions, cleanup }) => ({ name, partitions, cleanup })),
    );
    const builder = new TopologyBuilder({ name: 'handlers', generation: 1 });
    declare(builder);
    return builder.build();
  }, options);
  t.after(() => driver.close());
  return driver;
}

const outs = async (driver: TopologyDriver) =>
  (await driver.read(output)).map(({ key, value }) => [key, value]);
const reasons = async (driver: TopologyDriver) =>
  (await driver.readDeadLetters()).map(({ value }) => [value?.key?.toString(), value?.reason]);

describe('what a handler does', () => {
  it('a read that was not declared is loaded, also where the handler catches all errors', async (t) => {
    const catching = defineProcessor({
      ...ports,
      stores: { last: { value } },
      reads: { records: () => ({}) },
      process: {
        records: ({ key, value, timestamp }, { stores, emit }) => {
          let before = -1;
          try {
            before = stores.last.get(key) ?? 0;
            stores.last.put(key, value, timestamp);
          } catch {
            // As a handler may, that goes on without what failed.
          }
          emit('records', key, before, timestamp);
        },
      },
    });
    const driver = await open(t, (builder) =>
      builder.process('catching', catching, { records: builder.source(input) }).records.to(output),
    );
    await driver.pipe(input, ['k', 1, 1], ['k', 2, 2]);
    await driver.settle();
    assert.deepEqual(await outs(driver), [
      ['k', 0],
      ['k', 1],
    ]);
  });

  it('reads that can’t be told, or are no text, are an error of that record alone', async (t) => {
    const reading = defineProcessor({
      ...ports,
      stores: { last: { value } },
      reads: {
        records: ({ key, value }) => {
          if (value === 1) throw new Error('unreadable');
          return { last: [value === 2 ? (undefined as unknown as string) : key] };
        },
      },
      process: {
        records: ({ key, value, timestamp }, { stores, emit }) => {
          if (value === 1) throw new Error('unreadable');
          emit(
            'records',
            key,
            stores.last.get(value === 2 ? (undefined as unknown as string) : key) ?? 0,
            timestamp,
          );
        },
      },
    });
    const driver = await open(t, (builder) =>
      builder.process('reading', reading, { records: builder.source(input) }).records.to(output),
    );
    await driver.pipe(input, ['a', 0, 1], ['b', 1, 2], ['c', 2, 3], ['d', 3, 4]);
    await driver.settle();
    assert.deepEqual(await reasons(driver), [
      ['b', 'MR_PROCESSOR_THREW'],
      ['c', 'MR_RECORD_NULL_KEY'],
    ]);
    assert.deepEqual(await outs(driver), [
      ['a', 0],
      ['d', 0],
    ]);
  });

  it('more timers and entries fall due at once than a call takes arguments', async (t) => {
    const count = 150_000;
    const keys = Array.from({ length: count }, (_, i) => `k${i}`);
    const many = defineProcessor({
      ...ports,
      stores: { brief: { value, ttlMs: 20 } },
      reads: { records: ({ value }) => (value === 0 ? {} : { brief: keys, timers: keys }) },
      process: {
        records: ({ value, timestamp }, { stores, setTimer }) => {
          if (value === 0) return;
          for (const key of keys) {
            stores.brief.put(key, value, timestamp);
            setTimer(key, timestamp + 10);
          }
        },
      },
      onTimer: (key, dueMs, { emit }) => {
        if (key === 'k7') emit('records', key, dueMs, dueMs);
      },
    });
    const driver = await open(t, (builder) =>
      builder.process('many', many, { records: builder.source(input) }).records.to(output),
    );
    await driver.pipe(input, ['a', 1, 1]);
    await driver.settle();
    await driver.pipe(input, ['a', 0, 15]);
    await driver.settle();
    assert.deepEqual(await outs(driver), [['k7', 11]]);
    assert.equal((await driver.store('many/brief')).size, count);
    await driver.pipe(input, ['a', 0, 50]);
    await driver.settle();
    assert.equal((await driver.store('many/brief')).size, 0);
  });

  it('a timer of no time, or of a record without one, is refused; one long past fires at once', async (t) => {
    const timing = defineProcessor({
      ...ports,
      stores: {},
      process: {
        records: ({ key, value }, { setTimer }) => setTimer(key, value === 1 ? Number.NEGATIVE_INFINITY : -5),
      },
      onTimer: (key, dueMs, { emit }) => emit('records', key, dueMs, 7),
    });
    const untimed = defineProcessor({
      ...ports,
      stores: {},
      process: {
        records: ({ key, value, timestamp }, { emit }) =>
          emit('records', key, value, value === 2 ? Number.NaN : timestamp),
      },
    });
    const driver = await open(t, (builder) => {
      const { records } = builder.process('untimed', untimed, { records: builder.source(input) });
      builder.process('timing', timing, { records }).records.to(output);
    });
    await driver.pipe(input, ['a', 1, 1], ['b', 2, 2], ['c', 3, 3]);
    await driver.settle();
    assert.deepEqual(await reasons(driver), [
      ['a', 'MR_RECORD_TIMESTAMP'],
      ['b', 'MR_RECORD_TIMESTAMP'],
    ]);
    assert.deepEqual(await outs(driver), [['c', -5]]);
    await driver.restart({ keepStores: true });
    await driver.pipe(input, ['d', 3, 10]);
    await driver.settle();
    assert.deepEqual(await outs(driver), [['d', -5]]);
  });
});

describe('what goes out at the commit', () => {
  it('reaches the end where one that holds records back stands behind another', async (t) => {
    const options = { value, emit: 'per-commit' } as const;
    const driver = await open(t, (builder) =>
      builder.source(input).count('first', options).toStream().count('second', options).to(output),
    );
    await driver.pipe(input, ['k', 1, 1], ['k', 1, 2]);
    await driver.settle();
    await driver.restart({ keepStores: true });
    await driver.settle();
    assert.deepEqual(await outs(driver), [['k', 1]]);
  });
});

describe('branches', () => {
  it('a condition that throws is one error of the record', async (t) => {
    const driver = await open(t, (builder) => {
      const { ones, rest } = builder.source(input).branch({
        ones: (n) => {
          if (n < 0) throw new Error('negative');
          return n === 1;
        },
        rest: () => true,
      });
      ones.to(output);
      rest.to(others);
    });
    await driver.pipe(input, ['a', 1, 1], ['b', -1, 2], ['c', 2, 3]);
    await driver.settle();
    assert.deepEqual(await reasons(driver), [['b', 'MR_PROCESSOR_THREW']]);
    assert.deepEqual(await outs(driver), [['a', 1]]);
    assert.deepEqual(
      (await driver.read(others)).map(({ key }) => key),
      ['c'],
    );
  });
});
