import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { armFailpoints, disarmFailpoints, RetryableError } from '#platform';
import type { Serde, Topic } from '../serde.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { defineProcessor, port } from '../topology/processor.ts';
import { TopologyDriver } from './driver.ts';
import { json, jsonTopic } from './json-topic.ts';

type Value = Readonly<Record<string, unknown>>;

const input = jsonTopic<Value>('input');
const table = jsonTopic<Value>('table');
const output = jsonTopic<Value>('output');

async function open(
  t: TestContext,
  declare: (builder: TopologyBuilder) => void,
  more: readonly Topic<string, Value>[] = [],
): Promise<TopologyDriver> {
  const driver = await TopologyDriver.open(async (log) => {
    const topics = [input, table, output, ...more];
    await log.createTopics(topics);
    const builder = new TopologyBuilder({ name: 'restore', generation: 1 });
    declare(builder);
    return builder.build();
  });
  t.after(() => driver.close());
  return driver;
}

function joined(builder: TopologyBuilder): void {
  const join = (left: Value, right: Value | undefined): Value => ({ left, right: right ?? null });
  builder.source(input).join('joined', builder.table(table), join).to(output);
}

async function appendRaw(driver: TopologyDriver, text: string): Promise<void> {
  const producer = await driver.log.producer();
  await producer.append('table', 0, [{ key: Buffer.from('k'), value: Buffer.from(text), timestamp: 2 }]);
  await producer.close();
  await driver.settle();
}

it('a table’s copy is the same restored as live, where others encode differently or write what is no value', async (t) => {
  for (const [foreign, row] of [
    ['{ "spaces": 1 }', { spaces: 1 }],
    ['not json', { good: 1 }],
  ] as const) {
    const driver = await open(t, joined);
    await driver.pipe(table, ['k', { good: 1 }, 1]);
    await appendRaw(driver, foreign);
    const live = driver.digests();
    await driver.restart({ keepStores: false });
    assert.deepEqual(driver.digests(), live);
    await driver.pipe(input, ['k', {}, 3]);
    await driver.settle();
    assert.deepEqual((await driver.read(output)).at(-1)?.value, { left: {}, right: row });
  }
});

it('a crash while one of several stores is replayed leaves no mark of the others that is not true', async (t) => {
  const keep = defineProcessor({
    inputs: { records: port<string, Value>() },
    outputs: {},
    stores: { values: { value: json<Value>() } },
    process: {
      records: ({ key, value, timestamp }, { stores, setTimer }) => {
        stores.values.put(key, value, timestamp);
        setTimer(key, timestamp + 1_000);
      },
    },
    onTimer: () => {},
  });
  const declare = (builder: TopologyBuilder) =>
    void builder.process('keep', keep, { records: builder.source(input) });
  const driver = await open(t, declare);
  await driver.pipe(input, ['k', { n: 1 }, 1], ['l', { n: 1 }, 2]);
  await driver.settle();
  await driver.pipe(input, ['m', { n: 2 }, 3]);
  t.after(disarmFailpoints);
  armFailpoints('commit.log.after=fail');
  await assert.rejects(driver.settle());
  armFailpoints('restore.chunk=fail');
  await assert.rejects(driver.restart({ keepStores: true }));
  disarmFailpoints();
  await driver.restart({ keepStores: true });
  const undisturbed = await open(t, declare);
  await undisturbed.pipe(input, ['k', { n: 1 }, 1], ['l', { n: 1 }, 2], ['m', { n: 2 }, 3]);
  await undisturbed.settle();
  assert.deepEqual(driver.digests(), undisturbed.digests());
});

it('a restore that a crash ends half-way goes on from its marks, and takes what it had taken as replaced', async (t) => {
  const driver = await open(t, (builder) => {
    const spec = { initial: () => ({}), add: (_: Value, { value }: { value: Value }) => value };
    builder.source(input).aggregate('last', { ...spec, value: json<Value>() });
  });
  const rows = new Map<string, Value>();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 300; i++)
      rows.set(`k${(i + 100 * round) % 400}`, { round, text: 'x'.repeat(20_000) });
    await driver.pipe(input, ...[...rows].map(([key, value]) => [key, value, round] as const));
    await driver.settle();
  }
  const live = driver.digests();
  t.after(disarmFailpoints);
  for (const keepStores of [false, true]) {
    armFailpoints('restore.chunk=fail');
    await assert.rejects(driver.restart({ keepStores }));
    disarmFailpoints();
  }
  await driver.restart({ keepStores: true });
  assert.deepEqual(driver.digests(), live);
  assert.deepEqual(await driver.store('last/state'), new Map([...rows].sort()));
});

it('a restore that a crash ends between the writes of one run starts over', async (t) => {
  const driver = await open(t, (builder) => {
    const spec = { initial: () => ({}), add: (_: Value, { value }: { value: Value }) => value };
    builder.source(input).aggregate('last', { ...spec, value: json<Value>() });
  });
  const rows = Array.from({ length: 9_000 }, (_, i) => [`k${(i * 7_919) % 9_000}`, { i }, i] as const);
  await driver.pipe(input, ...rows);
  await driver.settle();
  const live = driver.digests();
  t.after(disarmFailpoints);
  armFailpoints('restore.chunk=fail');
  await assert.rejects(driver.restart({ keepStores: false }));
  disarmFailpoints();
  await driver.restart({ keepStores: true });
  assert.deepEqual(driver.digests(), live);
  assert.equal((await driver.store('last/state')).size, rows.length);
});

it('a store whose schema has changed has the digest of one restored whole', async (t) => {
  let fingerprint = Buffer.from('first');
  const evolving: Serde<number> = {
    ...json<number>(),
    format: { family: 'avro', schema: { type: 'double' } },
    get fingerprint() {
      return fingerprint;
    },
  };
  const driver = await open(t, (builder) => {
    builder
      .source(input)
      .aggregate('count', { initial: () => 0, add: (count) => count + 1, value: evolving });
  });
  await driver.pipe(input, ['k', {}, 1], ['l', {}, 1]);
  await driver.settle();
  fingerprint = Buffer.from('second');
  await driver.restart({ keepStores: true });
  await driver.pipe(input, ['k', {}, 2]);
  await driver.settle();
  const local = driver.digests();
  await driver.restart({ keepStores: false });
  assert.deepEqual(driver.digests(), local);
});

it('a registry that is away for a moment is asked again; its records are no dead letters', async (t) => {
  let failures = 3;
  let isLoaded = false;
  const plain = json<Value>();
  const remote: Serde<Value> = {
    ...plain,
    decodeAt: (...place) => {
      if (isLoaded) return plain.decodeAt?.(...place) as Value;
      throw new RetryableError('MR_SCHEMA_NOT_LOADED', 'not loaded');
    },
    prepare: async () => {
      if (failures-- > 0) throw new RetryableError('MR_LOG_UNAVAILABLE', 'away');
      isLoaded = true;
    },
  };
  const source = jsonTopic<Value>('source', 1, remote);
  const driver = await open(t, (builder) => builder.source(source).to(output), [source]);
  await driver.pipe(source, ['k', { n: 1 }, 1]);
  await driver.settle();
  assert.equal(failures, -1);
  assert.deepEqual(await driver.readDeadLetters(), []);
  assert.equal((await driver.read(output)).length, 1);
});
