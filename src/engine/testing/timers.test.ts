import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { InputError } from '#platform';
import { TopologyBuilder } from '../topology/builder.ts';
import { defineProcessor, port } from '../topology/processor.ts';
import type { Stream } from '../topology/stream.ts';
import type { Topology } from '../topology/topology.ts';
import { type DriverOptions, TopologyDriver } from './driver.ts';
import { json, jsonTopic } from './json-topic.ts';

type Value = Readonly<Record<string, unknown>>;

const input = jsonTopic<Value>('input');
const split = jsonTopic<Value>('split', 2);
const output = jsonTopic<Value>('output');

/** Sets a timer ten after each record; emits what it saw when it fires. */
const alarm = defineProcessor({
  inputs: { records: port<string, Value>() },
  outputs: { fired: port<string, Value>() },
  stores: {},
  process: { records: ({ key, timestamp }, { setTimer }) => setTimer(key, timestamp + 10) },
  onTimer: (key, dueMs, { emit, watermark }) => emit('fired', key, { timer: key, watermark }, dueMs),
});

async function open(
  t: TestContext,
  declare: (builder: TopologyBuilder) => void,
  options: DriverOptions = {},
) {
  const driver = await TopologyDriver.open(async (log): Promise<Topology> => {
    await log.createTopics([input, split, output]);
    const builder = new TopologyBuilder({ name: 'timers', generation: 1 });
    declare(builder);
    return builder.build();
  }, options);
  t.after(() => driver.close());
  return driver;
}

const outputs = async (driver: TopologyDriver) =>
  (await driver.read(output)).map(({ key, value }) => [key, value]);
const alarms = (builder: TopologyBuilder, records: Stream<string, Value>) =>
  builder.process('alarm', alarm, { records }).fired;

it('what a timer emitted and a later operator refuses goes to the dead letters under the timer’s key', async (t) => {
  const refuse = (): Value => {
    throw new InputError('MR_TEST_REFUSED', 'refused');
  };
  const driver = await open(t, (builder) => alarms(builder, builder.source(input)).map(refuse).to(output));
  await driver.pipe(input, ['k', {}, 1], ['innocent', {}, 50]);
  await driver.settle();
  await driver.announce(input, 100);
  await driver.settle();
  const letters = (await driver.readDeadLetters()).map(({ value }) => [
    value?.offset,
    value?.key?.toString(),
  ]);
  assert.deepEqual(letters, [
    [-1, 'k'],
    [-1, 'innocent'],
  ]);
});

it('a timer that is set and falls due in one batch finds its key, whatever the records’ reads', async (t) => {
  const other = defineProcessor({
    inputs: { records: port<string, { readonly other: string }>() },
    outputs: { fired: port<string, Value>() },
    stores: { seen: { value: json<number>() } },
    reads: { records: ({ value }) => ({ seen: [value.other] }) },
    process: {
      records: ({ key, value, timestamp }, { stores, setTimer }) => {
        stores.seen.put(value.other, 1, timestamp);
        setTimer(key, timestamp + 10);
      },
    },
    onTimer: (key, dueMs, { stores, emit }) => emit('fired', key, { seen: stores.seen.get(key) ?? 0 }, dueMs),
  });
  const records = jsonTopic<{ readonly other: string }>('input');
  const driver = await open(t, (builder) => {
    builder.process('other', other, { records: builder.source(records) }).fired.to(output);
  });
  await driver.pipe(records, ['k', { other: 'x' }, 1], ['l', { other: 'y' }, 100]);
  await driver.settle();
  assert.deepEqual(await outputs(driver), [['k', { seen: 0 }]]);
});

it('a timer behind a filter fires at the record that moved the watermark, in batches of any size', async (t) => {
  for (const batchRecords of [1, 2, 1_000]) {
    const driver = await open(
      t,
      (builder) =>
        alarms(
          builder,
          builder.source(input).filter(({ keep }) => keep === true),
        ).to(output),
      {
        batchRecords,
      },
    );
    await driver.pipe(
      input,
      ['k', { keep: true }, 1],
      ['k', {}, 20],
      ['k', {}, 30],
      ['z', { keep: true }, 40],
    );
    await driver.settle();
    assert.deepEqual(
      await outputs(driver),
      [['k', { timer: 'k', watermark: 20 }]],
      `batches of ${batchRecords}`,
    );
  }
});

it('what a timer emits meets the records behind it in the order of their causes, in batches of any size', async (t) => {
  const meet = defineProcessor({
    inputs: { direct: port<string, Value>(), fired: port<string, Value>() },
    outputs: { met: port<string, Value>() },
    stores: {},
    process: {
      direct: ({ key, timestamp }, { emit }) => emit('met', key, { direct: timestamp }, timestamp),
      fired: ({ key, timestamp }, { emit }) => emit('met', key, { fired: timestamp }, timestamp),
    },
  });
  const runs: unknown[] = [];
  for (const batchRecords of [1, 2, 1_000]) {
    const declare = (builder: TopologyBuilder) => {
      const direct = builder.source(input);
      builder.process('meet', meet, { direct, fired: alarms(builder, direct) }).met.to(output);
    };
    const driver = await open(t, declare, { batchRecords });
    await driver.pipe(input, ['k', {}, 1], ['l', {}, 20], ['m', {}, 21], ['n', {}, 60]);
    await driver.settle();
    runs.push(await outputs(driver));
  }
  assert.deepEqual(runs[1], runs[0]);
  assert.deepEqual(runs[2], runs[0]);
});

it('a watermark that follows the wall clock is announced behind the records of the timers that it fires', async (t) => {
  const keyed = (builder: TopologyBuilder) => {
    alarms(builder, builder.source(split))
      .keyBy('by-timer', ({ timer }) => String(timer), { value: json<Value>(), partitions: 1 })
      .to(output);
  };
  const driver = await open(t, keyed, { wallClockMs: 1_000_000 });
  await driver.pipe(split, ...['a', 'b', 'c', 'd', 'e', 'f'].map((key) => [key, {}, 999_995] as const));
  await driver.settle();
  driver.advanceWallClock(6_000);
  await driver.settle();
  const consumer = await driver.log.consumer();
  consumer.assign([{ topic: 'timers-1-by-timer-repartition', partition: 0, offset: 0 }]);
  const announced = new Map<number, number>();
  let fired = 0;
  for (const batch of await consumer.poll(0)) {
    for (let i = 0; i < batch.count; i++) {
      if (batch.key(i) !== null) {
        fired++;
        const least = announced.size < 2 ? Number.NEGATIVE_INFINITY : Math.min(...announced.values());
        assert.ok(batch.timestamp(i) >= least, `${batch.timestamp(i)} follows a watermark of ${least}`);
      }
      const header = batch.headers(i).find(([name]) => name === 'mr-watermark')?.[1];
      if (header !== undefined) announced.set(header.readUInt32BE(0), header.readDoubleBE(8));
    }
  }
  await consumer.close();
  assert.equal(fired, 6);
});

it('a wall clock moved on by far more than a session lasts closes what waits on an idle topic', async (t) => {
  const driver = await open(t, (builder) => alarms(builder, builder.source(input)).to(output), {
    wallClockMs: 1_000_000,
  });
  await driver.pipe(input, ['k', {}, 999_995]);
  await driver.settle();
  driver.advanceWallClock(1_800_000);
  await driver.settle();
  assert.deepEqual(
    (await outputs(driver)).map(([key]) => key),
    ['k'],
  );
});
