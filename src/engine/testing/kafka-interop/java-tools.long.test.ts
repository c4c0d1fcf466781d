import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Log, openKafkaLog, openSimulatedLog, parseKafkaUrl } from '#log';
import { createLogger, createMetrics, errorCode, systemClock } from '#platform';
import { eventually, temporaryDirectory } from '#platform/testing';
import { kafkaServer } from '#servers';
import { deadLetterTopic } from '../../dead-letter-topic.ts';
import { rocksDatabases } from '../../store/rocksdb/rocksdb-database.ts';
import { StreamsRuntime } from '../../task/runtime.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import { json, jsonTopic } from '../json-topic.ts';

const PREFIX = `java-tools-${process.pid}.`;
const GROUP = `${PREFIX}sums-1`;
const PARTITIONS = 2;
const KEYS = ['ann', 'bob', 'cleo'];
const RECORDS_PER_CODEC = 60;
const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'];

const environment = { clock: systemClock, random: Math.random };
/** For letters that nobody writes. */
const { registry } = openSimulatedLog(environment);

const numbers = jsonTopic<number>('numbers', PARTITIONS);
const totals = jsonTopic<number>('totals', PARTITIONS);

function sums() {
  const builder = new TopologyBuilder({ name: 'sums', generation: 1 });
  const add = (sum: number, { value }: { value: number }) => sum + value;
  builder
    .source(numbers)
    .aggregate('sum', { initial: () => 0, add, value: json<number>() })
    .to(totals);
  return builder.build();
}

/** A runtime with its stores in the directory, exactly once; `stop` gives what it has failed with. */
async function begin(log: Log, directory: string) {
  const runtime = new StreamsRuntime({
    log,
    topology: sums(),
    databases: rocksDatabases(directory),
    clock: systemClock,
    logger: createLogger({ level: 'silent', name: 'test' }),
    metrics: createMetrics(),
    deadLetters: await deadLetterTopic(registry),
    instanceId: 'one',
    commitIntervalMs: 50,
    sessionTimeoutMs: 3_000,
  });
  const stopping = new AbortController();
  const running = runtime
    .start()
    .then(() => runtime.run(stopping.signal))
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  const stop = () => {
    stopping.abort();
    return running;
  };
  return { running, stop };
}

async function setUp(t: TestContext) {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return undefined;
  const log = await openKafkaLog(parseKafkaUrl(`${kafka.url}?prefix=${PREFIX}`), environment);
  t.after(async () => {
    await log.deleteTopics((await log.describeTopics()).map(({ name }) => name));
    await log.close();
  });
  await log.createTopics([numbers, totals, await deadLetterTopic(registry)]);
  return { log, kafka };
}

/** The rows that kafka-consumer-groups prints, by partition, of the topic of numbers. */
function places(printed: string): { partition: number; offset: number; end: number; lag: number }[] {
  return printed.split('\n').flatMap((line) => {
    const [group, topic, ...columns] = line.trim().split(/\s+/);
    if (group !== GROUP || topic !== `${PREFIX}numbers`) return [];
    const [partition = -1, offset = -1, end = -1, lag = -1] = columns.slice(0, 4).map(Number);
    return [{ partition, offset, end, lag }];
  });
}

test("Java's console tools and kafka-consumer-groups work with a topology that runs on Kafka", {
  timeout: 300_000,
}, async (t) => {
  const opened = await setUp(t);
  if (opened === undefined) return;
  const { log, kafka } = opened;
  const groups = (...args: string[]) => kafka.run('kafka-consumer-groups', ['--group', GROUP, ...args]);
  const directory = temporaryDirectory(t);
  let runtime = await begin(log, directory);
  t.after(() => runtime.stop());

  const lines = Array.from({ length: RECORDS_PER_CODEC }, (_, i) => `${KEYS[i % KEYS.length]}:1\n`).join('');
  const parsed = ['--property', 'parse.key=true', '--property', 'key.separator=:'];
  await Promise.all(
    CODECS.map((codec) => {
      const producer = ['--topic', `${PREFIX}numbers`, '--compression-codec', codec, ...parsed];
      return kafka.run('kafka-console-producer', producer, lines);
    }),
  );

  const outputs = async () =>
    (await log.describeTopics(['totals']))[0]?.offsets.reduce((sum, { stable }) => sum + stable, 0) ?? 0;
  const one = { key: Buffer.from('ann'), value: Buffer.from('1'), timestamp: 1 };

  await t.test('what it has committed is read by the console consumer, and nothing else', async () => {
    const count = RECORDS_PER_CODEC * CODECS.length;
    const aborting = await log.transactionalProducer('aborting');
    const never = { key: Buffer.from('never'), value: Buffer.from('0'), timestamp: 1 };
    for (const partition of [0, 1]) aborting.append('totals', partition, [never]);
    await aborting.abort();
    const printed = await kafka.run('kafka-console-consumer', [
      ...['--topic', `${PREFIX}totals`, '--from-beginning', '--max-messages', `${count}`],
      ...['--isolation-level', 'read_committed', '--property', 'print.key=true'],
    ]);
    const byKey = Map.groupBy(printed.trim().split('\n'), (line) => line.split('\t')[0] ?? '');
    const each = count / KEYS.length;
    const expected = Array.from({ length: each }, (_, i) => i + 1);
    assert.deepEqual([...byKey.keys()].sort(), KEYS);
    for (const key of KEYS)
      assert.deepEqual(
        byKey.get(key)?.map((line) => Number(line.split('\t')[1])),
        expected,
      );
  });

  await t.test('its group is listed with its lag', async () => {
    const described = places(await groups('--describe'));
    assert.deepEqual(described.map(({ partition, lag }) => [partition, lag]).sort(), [
      [0, 0],
      [1, 0],
    ]);
    const refused = await groups('--reset-offsets', '--all-topics', '--to-earliest', '--execute');
    assert.match(refused, /only be reset if the group .* is inactive/);
  });

  await t.test('set forward while it is stopped, it goes on from there', async () => {
    assert.equal(await runtime.stop(), undefined);
    const before = places(await groups('--describe'));
    const producer = await log.producer();
    for (const partition of [0, 1]) await producer.append('numbers', partition, [one]);
    await groups('--reset-offsets', '--topic', `${PREFIX}numbers`, '--to-latest', '--execute');
    const after = places(await groups('--describe'));
    for (const { partition, end, lag } of after) {
      assert.equal(lag, 0);
      assert.equal(end, 1 + (before.find((each) => each.partition === partition)?.end ?? 0));
    }
    runtime = await begin(log, directory);
    const skipped = await outputs();
    await producer.append('numbers', 0, [one]);
    await eventually(async () => (await outputs()) !== skipped);
  });

  await t.test('set back while it is stopped, it refuses to count again what its state holds', async () => {
    assert.equal(await runtime.stop(), undefined);
    await groups('--reset-offsets', '--topic', `${PREFIX}numbers`, '--to-earliest', '--execute');
    const before = await outputs();
    runtime = await begin(log, directory);
    const failure = await runtime.running;
    assert.equal(errorCode(failure), 'MR_STORE_AHEAD', String(failure));
    assert.match(String(failure), /numbers\/\d up to offset \d+, and sums-1's offset is 0: it was set back/);
    assert.equal(await outputs(), before);
    // The group is there until the session of the member that has failed is over.
    let printed = '';
    do printed = await groups('--reset-offsets', '--topic', `${PREFIX}numbers`, '--to-latest', '--execute');
    while (/is inactive/.test(printed));
    runtime = await begin(log, directory);
    await (await log.producer()).append('numbers', 0, [one]);
    await eventually(async () => (await outputs()) !== before);
  });
});
