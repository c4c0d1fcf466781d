import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { MAX_RECORD_BYTES } from '#log';
import { errorCode, InputError } from '#platform';
import type { Serde, Topic } from '../serde.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { defineProcessor, port } from '../topology/processor.ts';
import { type DriverOptions, TopologyDriver } from './driver.ts';
import { json, jsonTopic } from './json-topic.ts';

const input = jsonTopic<number>('input');
const output = jsonTopic<number>('output');
const rows: Topic<string, number> = {
  ...jsonTopic<number>('rows'),
  cleanup: { policy: 'compact', tombstoneRetentionMs: 1_000 },
};

async function open(
  t: TestContext,
  declare: (builder: TopologyBuilder) => void,
  options: DriverOptions = {},
): Promise<TopologyDriver> {
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([input, output, rows]);
    const builder = new TopologyBuilder({ name: 'bad', generation: 1 });
    declare(builder);
    return builder.build();
  }, options);
  t.after(() => driver.close());
  return driver;
}

const copy = (builder: TopologyBuilder) => builder.source(input).to(output);

async function append(
  driver: TopologyDriver,
  ...records: readonly (readonly [key: string | null, value: string, timestamp: number])[]
): Promise<void> {
  const producer = await driver.log.producer();
  const raw = records.map(([key, value, timestamp]) => {
    return { key: key === null ? null : Buffer.from(key), value: Buffer.from(value), timestamp };
  });
  await producer.append('input', 0, raw);
  await producer.close();
  await driver.settle();
}

/** Asserts that the one bad record was counted and put aside, and that the good ones went on. */
async function assertPutAside(
  driver: TopologyDriver,
  operator: string,
  reason: string,
  passed: readonly number[],
): Promise<void> {
  const letters = await driver.readDeadLetters();
  assert.deepEqual(
    letters.map(({ value }) => [value?.operator, value?.reason]),
    [[operator, reason]],
  );
  await assertCounted(driver, 'rejected', operator, reason);
  assert.deepEqual(await passedValues(driver), passed);
}

async function assertCounted(driver: TopologyDriver, what: string, operator: string, reason: string) {
  const line = `engine_${what}_records_total{operator="${operator}",reason="${reason}"} 1`;
  assert.ok((await driver.metrics.render()).includes(line), line);
}

const passedValues = async (driver: TopologyDriver) =>
  (await driver.read(output)).map(({ value }) => value as number);

const throwing = defineProcessor({
  inputs: { records: port<string, number>() },
  outputs: { records: port<string, number>() },
  stores: { seen: { value: json<number>() } },
  process: {
    records: ({ key, value, timestamp }, { stores, emit }) => {
      stores.seen.put(key, value, timestamp);
      emit('records', key, value, timestamp);
      if (value < 0) throw new InputError('MR_TEST_NEGATIVE', 'negative');
    },
  },
});

/** Writes no negative numbers. */
const positive: Serde<number> = {
  ...json<number>(),
  encode: (value) => {
    if (value < 0) throw new InputError('MR_TEST_NEGATIVE', 'negative');
    return Buffer.from(String(value));
  },
};

/** Stores what it sees under the time that it is told, and passes it on. */
function keeping(value: Serde<number>, timeOf: (timestamp: number) => number = (timestamp) => timestamp) {
  return defineProcessor({
    inputs: { records: port<string, number>() },
    outputs: { records: port<string, number>() },
    stores: { last: { value } },
    process: {
      records: (record, { stores, emit }) => {
        stores.last.put(record.key, record.value, timeOf(record.timestamp));
        emit('records', record.key, stores.last.get(record.key) ?? 0, record.timestamp);
      },
    },
  });
}

const throughStore = (spec: ReturnType<typeof keeping>) => (builder: TopologyBuilder) =>
  builder.process('keep', spec, { records: builder.source(input) }).records.to(output);

describe('a bad record is put aside and counted, and its neighbours go on', () => {
  it('bytes that are no value', async (t) => {
    const driver = await open(t, copy);
    await append(driver, ['k', '1', 1], ['k', 'no json', 2], ['k', '3', 3]);
    const [letter] = await driver.readDeadLetters();
    assert.equal(letter?.value?.value?.toString(), 'no json');
    assert.equal(letter?.value?.offset, 1);
    await assertCounted(driver, 'rejected', 'input', 'MR_PROCESSOR_THREW');
    assert.deepEqual(await passedValues(driver), [1, 3]);
  });

  it('a record at which a processor throws, without any of its effects', async (t) => {
    const driver = await open(t, (builder) =>
      builder.process('throwing', throwing, { records: builder.source(input) }).records.to(output),
    );
    await append(driver, ['k', '1', 1], ['l', '-2', 2], ['k', '3', 3]);
    await assertPutAside(driver, 'throwing', 'MR_TEST_NEGATIVE', [1, 3]);
    assert.deepEqual(await driver.store('throwing/seen'), new Map([['k', 3]]));
  });

  it('a key that is null where one is needed', async (t) => {
    const driver = await open(t, copy);
    await append(driver, ['k', '1', 1], [null, '2', 2], ['k', '3', 3]);
    await assertPutAside(driver, 'input', 'MR_RECORD_NULL_KEY', [1, 3]);
  });

  it('a null key on its way to a compacted topic', async (t) => {
    const driver = await open(t, (builder) => {
      const records = builder.source(input, { nullKeys: 'keep' });
      records.to(rows as Topic<string | null, number>);
      records.to(output as Topic<string | null, number>);
    });
    await append(driver, ['k', '1', 1], [null, '2', 2]);
    await assertPutAside(driver, 'rows-sink', 'MR_RECORD_NULL_KEY', [1, 2]);
    assert.equal((await driver.read(rows)).length, 1);
  });

  it('a null key on its way to a repartition topic is dropped', async (t) => {
    const driver = await open(t, (builder) =>
      builder
        .source(input)
        .keyBy('by-sign', (value): string | null => (value < 0 ? null : 'k'), { value: json<number>() })
        .to(output as Topic<string | null, number>),
    );
    await append(driver, ['k', '1', 1], ['k', '-2', 2]);
    assert.deepEqual(await driver.readDeadLetters(), []);
    await assertCounted(driver, 'dropped', 'by-sign-sink', 'null-key');
    assert.deepEqual(await passedValues(driver), [1]);
  });

  for (const timestamp of [-1, -5_000]) {
    it(`the timestamp ${timestamp}`, async (t) => {
      const driver = await open(t, copy);
      await append(driver, ['k', '1', 1], ['k', '2', timestamp], ['k', '3', 3]);
      await assertPutAside(driver, 'input', 'MR_RECORD_TIMESTAMP', [1, 3]);
    });
  }

  for (const timestamp of [400 * 86_400_000, 1e300]) {
    it(`the timestamp ${timestamp}, years ahead, which moves no watermark`, async (t) => {
      const watermark = { outOfOrderMs: 0, futureMs: 60_000 };
      const driver = await open(t, (builder) => builder.source(input, { watermark }).to(output), {
        wallClockMs: 1_000_000,
      });
      await append(driver, ['k', '1', 1_000_000], ['k', '2', timestamp], ['k', '3', 1_060_000]);
      await assertPutAside(driver, 'input', 'MR_RECORD_FROM_FUTURE', [1, 3]);
    });
  }

  it('a record from the future, unless its source passes it', async (t) => {
    const watermark = { outOfOrderMs: 0, futureMs: 60_000 };
    const driver = await open(t, (builder) =>
      builder.source(input, { watermark, future: 'pass' }).to(output),
    );
    await append(driver, ['k', '1', 1e12]);
    assert.deepEqual(await driver.readDeadLetters(), []);
    assert.deepEqual(await passedValues(driver), [1]);
  });

  it('a result that is larger than a log takes', async (t) => {
    const large = jsonTopic<string>('output');
    const driver = await open(t, (builder) =>
      builder
        .source(input)
        .map((value) => (value < 0 ? 'x'.repeat(MAX_RECORD_BYTES) : String(value)))
        .to(large),
    );
    await append(driver, ['k', '1', 1], ['k', '-2', 2], ['k', '3', 3]);
    const [letter] = await driver.readDeadLetters();
    assert.deepEqual(
      [letter?.value?.operator, letter?.value?.reason],
      ['output-sink', 'MR_RECORD_TOO_LARGE'],
    );
    const passed = (await driver.read(large)).map(({ value }) => value);
    assert.deepEqual(passed, ['1', '3']);
  });

  it('a result without a time', async (t) => {
    const untimed = defineProcessor({
      inputs: { records: port<string, number>() },
      outputs: { records: port<string, number>() },
      stores: {},
      process: {
        records: ({ key, value, timestamp }, { emit }) =>
          emit('records', key, value, value < 0 ? Number.NaN : timestamp),
      },
    });
    const driver = await open(t, (builder) =>
      builder.process('untimed', untimed, { records: builder.source(input) }).records.to(output),
    );
    await append(driver, ['k', '1', 1], ['k', '-2', 2], ['k', '3', 3]);
    await assertPutAside(driver, 'untimed', 'MR_RECORD_TIMESTAMP', [1, 3]);
  });
});

describe('a stored value that can’t be written is put aside under its key, and the task goes on', () => {
  const cases: readonly (readonly [string, ReturnType<typeof keeping>, string])[] = [
    ['by its serde', keeping(positive), 'MR_TEST_NEGATIVE'],
    [
      'since it is larger than a log takes',
      keeping({
        ...json<number>(),
        encode: (value) => (value < 0 ? Buffer.alloc(MAX_RECORD_BYTES) : Buffer.from(String(value))),
      }),
      'MR_RECORD_TOO_LARGE',
    ],
    ['without a time', keeping(json(), (ms) => (ms === 2 ? Number.NaN : ms)), 'MR_RECORD_TIMESTAMP'],
  ];
  for (const [name, spec, reason] of cases) {
    it(name, async (t) => {
      const driver = await open(t, throughStore(spec));
      await append(driver, ['k', '1', 1], ['l', '1', 1]);
      await append(driver, ['k', '-2', 2], ['l', '5', 1], ['m', '-2', 2]);
      const letters = (await driver.readDeadLetters()).map(({ value }) => [
        value?.operator,
        value?.reason,
        value?.key?.toString(),
      ]);
      assert.deepEqual(letters, [
        ['keep', reason, 'k'],
        ['keep', reason, 'm'],
      ]);
      const kept = new Map([
        ['k', 1],
        ['l', 5],
      ]);
      assert.deepEqual(await driver.store('keep/last'), kept);
      const digests = driver.digests();
      await driver.restart({ keepStores: false });
      assert.deepEqual(driver.digests(), digests);
      await append(driver, ['m', '7', 3], ['k', '8', 4]);
      assert.deepEqual(await driver.store('keep/last'), new Map([...kept, ['m', 7], ['k', 8]]));
    });
  }

  it('costs its key that one record, with its outputs, whatever the commit holds besides', async (t) => {
    const small: Serde<number> = {
      ...json<number>(),
      encode: (value) => {
        if (value > 10) throw new InputError('MR_TEST_TOO_LARGE', 'more than 10');
        return Buffer.from(String(value));
      },
    };
    const adding = defineProcessor({
      inputs: { records: port<string, number>() },
      outputs: { records: port<string, number>() },
      stores: { sum: { value: small } },
      process: {
        records: ({ key, value, timestamp }, { stores, emit, setTimer }) => {
          const sum = (stores.sum.get(key) ?? 0) + value;
          stores.sum.put(key, sum, timestamp);
          setTimer(key, 100);
          emit('records', key, sum, timestamp);
        },
      },
      onTimer: (key, dueMs, { stores, emit }) => {
        stores.sum.put(key, 11, dueMs);
        emit('records', key, 11, dueMs);
      },
    });
    for (const batchRecords of [1, 1_000]) {
      const driver = await open(
        t,
        (builder) => builder.process('adding', adding, { records: builder.source(input) }).records.to(output),
        { batchRecords },
      );
      await append(driver, ['k', '1', 1], ['l', '5', 1], ['k', '12', 2], ['k', '2', 3], ['k', '4', 4]);
      await append(driver, ['l', '6', 5], ['l', '1', 6]);
      await append(driver, ['m', '1', 200]);
      const letters = (await driver.readDeadLetters()).map(({ value }) => [
        value?.offset,
        value?.key?.toString(),
        value?.reason,
      ]);
      assert.deepEqual(letters, [
        [2, 'k', 'MR_TEST_TOO_LARGE'],
        [5, 'l', 'MR_TEST_TOO_LARGE'],
        [-1, 'k', 'MR_TEST_TOO_LARGE'],
        [-1, 'l', 'MR_TEST_TOO_LARGE'],
        [-1, 'm', 'MR_TEST_TOO_LARGE'],
      ]);
      assert.deepEqual(await passedValues(driver), [1, 5, 3, 7, 6, 1]);
      const sums = new Map([
        ['k', 7],
        ['l', 6],
        ['m', 1],
      ]);
      assert.deepEqual(await driver.store('adding/sum'), sums);
    }
  });

  it('a timer without a time is an error of the record that sets it', async (t) => {
    const timing = defineProcessor({
      inputs: { records: port<string, number>() },
      outputs: { records: port<string, number>() },
      stores: {},
      process: { records: ({ key, value }, { setTimer }) => setTimer(key, value < 0 ? Number.NaN : value) },
      onTimer: (key, dueMs, { emit }) => emit('records', key, dueMs, dueMs),
    });
    const driver = await open(t, (builder) =>
      builder.process('timing', timing, { records: builder.source(input) }).records.to(output),
    );
    await append(driver, ['k', '-1', 1], ['l', '2', 2], ['m', '9', 3]);
    await assertPutAside(driver, 'timing', 'MR_RECORD_TIMESTAMP', [2]);
  });
});

describe('the policy for bad records', () => {
  it('skip: counted, and no letter is written', async (t) => {
    const driver = await open(t, copy, { onRecordError: 'skip' });
    await append(driver, ['k', '1', 1], ['k', '2', -1], ['k', '3', 3]);
    assert.deepEqual(await driver.readDeadLetters(), []);
    await assertCounted(driver, 'rejected', 'input', 'MR_RECORD_TIMESTAMP');
    assert.deepEqual(await passedValues(driver), [1, 3]);
  });

  it('fail: the task stops at it, for records and for stored values', async (t) => {
    const isStopped = (error: unknown) => errorCode(error) === 'MR_RECORD_FAILED';
    const records = await open(t, copy, { onRecordError: 'fail' });
    await assert.rejects(append(records, ['k', '1', 1], ['k', '2', -1]), isStopped);
    const values = await open(t, throughStore(keeping(positive)), { onRecordError: 'fail' });
    await assert.rejects(append(values, ['k', '-1', 1]), isStopped);
  });
});
