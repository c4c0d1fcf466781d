import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Topic } from '../serde.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { defineProcessor, port } from '../topology/processor.ts';
import { tumbling } from '../topology/windows/window.ts';
import type { Windowed } from '../topology/windows/windowed-key.ts';
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
    await log.createTopics([input, output, others]);
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
          return { last: [value === 2 ? (null as unknown as string) : key] };
        },
      },
      process: {
        records: ({ key, value, timestamp }, { stores, emit }) => {
          if (value === 1) throw new Error('unreadable');
          emit(
            'records',
            key,
            stores.last.get(value === 2 ? (null as unknown as string) : key) ?? 0,
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

  it('more timers fall due at once than a call takes arguments', async (t) => {
    const keys = Array.from({ length: 130_000 }, (_, i) => `k${i}`);
    const many = defineProcessor({
      ...ports,
      stores: {},
      reads: { records: ({ value }) => (value === 0 ? {} : { timers: keys }) },
      process: {
        records: ({ value, timestamp }, { setTimer }) => {
          if (value === 1) for (const key of keys) setTimer(key, timestamp + 10);
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
    assert.equal((await driver.store('many/timers')).size, 0);
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
      // The one that emits comes first.
      ['b', 'MR_RECORD_TIMESTAMP'],
      ['a', 'MR_RECORD_TIMESTAMP'],
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

  it('holds time back with it: windows after it close when it has come', async (t) => {
    const driver = await open(t, (builder) => {
      const counts = builder.source(input).count('counts', { value, emit: 'per-commit' });
      const windowed = counts.toStream().windowed(tumbling({ sizeMs: 10, graceMs: 0 }));
      const key = {
        toText: (of: Windowed<string>) => `${of.key} ${of.startMs}`,
        fromText: () => assert.fail(),
      };
      windowed
        .count('windows', { value, emit: 'on-close' })
        .toStream()
        .withKey(key)
        .to({ ...output, key } as never);
    });
    await driver.pipe(input, ['k', 1, 1]);
    await driver.settle();
    await driver.pipe(input, ['k', 1, 2], ['l', 1, 50]);
    await driver.settle();
    assert.deepEqual(await outs(driver), [['k 0', 2]]);
    assert.doesNotMatch(await driver.metrics.render(), /dropped_records_total\{operator="windows"/);
  });

  it('is each record that has no key', async (t) => {
    const driver = await open(t, (builder) =>
      builder
        .source(input, { nullKeys: 'keep' })
        .lastPerCommit()
        .to(output as Topic<string | null, number>),
    );
    const producer = await driver.log.producer();
    const records = [null, null, 'a', 'a'].map((key, i) => {
      return { key: key === null ? null : Buffer.from(key), value: Buffer.from(`${i}`), timestamp: i };
    });
    await producer.append(input.name, 0, records);
    await producer.close();
    await driver.settle();
    assert.deepEqual(
      (await outs(driver)).map(([, value]) => value),
      [0, 1, 3],
    );
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
