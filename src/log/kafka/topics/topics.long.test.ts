import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { errorCode, systemClock } from '#platform';
import { kafkaServer } from '#servers';
import type { Cleanup, Log, TopicSpec } from '../../port.ts';
import { openKafkaLog } from '../kafka-log.ts';
import { Cluster } from '../wire/cluster.ts';
import { parseKafkaUrl } from '../wire/kafka-options.ts';
import { createTopics } from './topics.ts';

type Kafka = NonNullable<Awaited<ReturnType<typeof kafkaServer>>>;

const keepForEver: Cleanup = { policy: 'delete', retentionMs: null };
const DAY = 86_400_000;
const environment = { clock: systemClock, random: Math.random };
let prefixes = 0;

const newPrefix = () => `topics-${process.pid}-${prefixes++}.`;

/** A client under the prefix, whose topics go with the test. */
async function open(t: TestContext, { url }: Kafka, prefix: string, parameters = ''): Promise<Log> {
  const options = parseKafkaUrl(`${url}?prefix=${prefix}&${parameters}`);
  const log = await openKafkaLog(options, environment);
  t.after(async () => {
    await log.deleteTopics((await log.describeTopics()).map(({ name }) => name));
    await log.close();
  });
  return log;
}

const one = (name: string, cleanup: Cleanup = keepForEver): TopicSpec => ({ name, partitions: 1, cleanup });

const hasCode = (code: string, message: RegExp) => (error: unknown) => {
  assert.equal(errorCode(error), code, String(error));
  assert.match(String(error), message);
  return true;
};

test("requested settings are what Java's tools find", async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const prefix = newPrefix();
  const log = await open(t, kafka, prefix, 'replication=1');
  const history = await open(t, kafka, `${prefix}history.`, 'retention=none');
  const aDay: Cleanup = { policy: 'delete', retentionMs: DAY };
  await log.createTopics([
    one('ever'),
    { ...one('day', aDay), partitions: 3 },
    one('compact', { policy: 'compact', tombstoneRetentionMs: 2 * DAY }),
  ]);
  await history.createTopics([one('day', aDay)]);
  const printed = await kafka.run('kafka-topics', [
    '--describe',
    '--topic',
    `${prefix.replace('.', '\\.')}.*`,
  ]);
  const described = new Map(
    printed.split('\n').flatMap((line) => {
      const found = /Topic: (\S+)\s.*PartitionCount: (\d+)\s+ReplicationFactor: (\d+)\s+Configs: (\S*)/.exec(
        line,
      );
      if (found === null) return [];
      const [, name = '', partitions, replicas, configs = ''] = found;
      const entries = new Map(configs.split(',').map((each) => each.split('=') as [string, string]));
      return [
        [name.slice(prefix.length), { shape: `${partitions} x ${replicas}`, configs: entries }] as const,
      ];
    }),
  );
  const shapes = Array.from(described, ([name, { shape }]) => `${name} ${shape}`).sort();
  assert.deepEqual(shapes, ['compact 1 x 1', 'day 3 x 1', 'ever 1 x 1', 'history.day 1 x 1']);
  /** Without what the brokers have by default. */
  const configsOf = (name: string, wanted: object) =>
    Object.fromEntries([...(described.get(name)?.configs ?? [])].filter(([config]) => config in wanted));
  const always = {
    'message.timestamp.type': 'CreateTime',
    'message.timestamp.after.max.ms': '9223372036854775807',
    'max.message.bytes': String(17 * 1024 * 1024),
  };
  const kept = (ms: string) => ({
    ...always,
    'cleanup.policy': 'delete',
    'retention.ms': ms,
    'retention.bytes': '-1',
  });
  assert.deepEqual(configsOf('ever', kept('-1')), kept('-1'));
  assert.deepEqual(configsOf('day', kept('')), kept(`${DAY}`));
  assert.deepEqual(
    configsOf('history.day', kept('')),
    kept('-1'),
    'imported records would be too old at once',
  );
  const compacted = { ...always, 'cleanup.policy': 'compact', 'delete.retention.ms': `${2 * DAY}` };
  assert.deepEqual(configsOf('compact', compacted), compacted);
});

test('a topic of another shape is refused, with what differs', async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const prefix = newPrefix();
  const log = await open(t, kafka, prefix);
  const make = (name: string, ...configs: string[]) =>
    kafka.run('kafka-topics', [
      ...['--create', '--topic', `${prefix}${name}`, '--partitions', '1'],
      ...configs.flatMap((each) => ['--config', each]),
    ]);
  await Promise.all([
    make('both', 'cleanup.policy=compact,delete', 'delete.retention.ms=5', 'retention.ms=7'),
    make('limited', 'retention.ms=-1', 'retention.bytes=1000000'),
    make('arrival', 'retention.ms=-1', 'message.timestamp.type=LogAppendTime'),
    make('fitting', 'retention.ms=-1'),
  ]);
  const compact: Cleanup = { policy: 'compact', tombstoneRetentionMs: 5 };
  const [both] = await log.describeTopics(['both']);
  assert.deepEqual(both?.cleanup, compact, 'its records need keys');
  for (const [spec, message] of [
    [one('both', compact), /exists as cleanup\.policy=compact,delete, not as cleanup\.policy=compact$/m],
    [
      one('both', { policy: 'delete', retentionMs: 7 }),
      /exists as cleanup\.policy=compact,delete, not as cleanup\.policy=delete$/m,
    ],
    [one('limited'), /exists as retention\.bytes=1000000, not as retention\.bytes=-1/],
    [one('arrival'), /exists as message\.timestamp\.type=LogAppendTime, not as .*CreateTime/],
    [{ ...one('fitting'), partitions: 2 }, /exists as 1 partitions, not as 2/],
    [
      one('fitting', { policy: 'delete', retentionMs: DAY }),
      /exists as retention\.ms=-1, not as retention\.ms=86400000/,
    ],
  ] as const) {
    await assert.rejects(log.createTopics([spec]), hasCode('MR_LOG_TOPIC_MISMATCH', message));
  }
  await log.createTopics([one('fitting')]);
  const replicated = await open(t, kafka, prefix, 'replication=2');
  await assert.rejects(
    replicated.createTopics([one('fitting')]),
    hasCode('MR_LOG_TOPIC_MISMATCH', /exists as 1 replicas, not as 2/),
  );
  await assert.rejects(
    replicated.createTopics([one('new')]),
    hasCode('MR_KAFKA_REFUSED', /INVALID_REPLICATION_FACTOR \(.*2.*\)/),
  );
});

test('a prefix makes a log of its own', async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const [a, b] = [await open(t, kafka, newPrefix()), await open(t, kafka, newPrefix())];
  const at = { topic: 'same', partition: 0 };
  const record = { key: null, value: Buffer.from('x'), timestamp: 1 };
  const producers = [];
  for (const log of [a, b]) {
    await log.createTopics([one('same')]);
    producers.push(await log.transactionalProducer('same'));
  }
  for (const [i, log] of [a, b].entries()) {
    producers[i]?.append('same', 0, [record]);
    await producers[i]?.commit();
    const member = await log.joinGroup({
      group: 'same',
      metadata: Buffer.alloc(0),
      sessionTimeoutMs: 10_000,
      assign: (members) =>
        new Map(members.map(({ memberId }) => [memberId, Buffer.from(`${members.length}`)])),
    });
    assert.equal(`${member.assignment}`, '1');
    assert.deepEqual(await log.committedOffsets('same', [at]), [undefined]);
    await log.commitOffsets(member, [{ ...at, offset: i }]);
    assert.deepEqual(
      (await log.describeTopics()).map(({ name }) => name),
      ['same'],
    );
  }
  assert.deepEqual(await a.committedOffsets('same', [at]), [{ ...at, offset: 0 }]);
  await a.deleteTopics(['same']);
  assert.equal((await b.describeTopics(['same']))[0]?.offsets[0]?.end, 2, 'a record and its commit');
});

test('a topic can be made, filled and deleted, again and again', async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const log = await open(t, kafka, newPrefix());
  const another = await open(t, kafka, newPrefix());
  await another.createTopics([one('other')]);
  const producer = await log.producer();
  for (let i = 0; i < 8; i++) {
    await log.createTopics([{ ...one('again'), partitions: 1 + (i % 3) }]);
    const { baseOffset } = await producer.append('again', i % 3, [
      { key: null, value: Buffer.from(`${i}`), timestamp: 1 },
    ]);
    assert.equal(baseOffset, 0);
    assert.equal((await log.describeTopics(['again']))[0]?.partitions, 1 + (i % 3));
    await log.deleteTopics(['again']);
    await assert.rejects(log.describeTopics(['again']), hasCode('MR_LOG_UNKNOWN_TOPIC', /again/));
  }
  await Promise.all(Array.from({ length: 3 }, () => log.createTopics([one('together')])));
  assert.equal((await log.describeTopics()).length, 1);
});

test('names may be as long as Kafka lets them be, with the prefix', async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const prefix = newPrefix();
  const log = await open(t, kafka, prefix);
  const longest = 'n'.repeat(249 - prefix.length);
  await log.createTopics([one(longest), one('a.b')]);
  assert.deepEqual((await log.describeTopics([longest])).length, 1);
  for (const name of [`${longest}n`, '.', '..', 'a/b']) {
    await assert.rejects(
      log.createTopics([one(name)]),
      hasCode('MR_LOG_INVALID_TOPIC', /names have 1 to 249|the name/),
    );
  }
  // In the names of the brokers' metrics they would be the same.
  await assert.rejects(log.createTopics([one('a_b')]), hasCode('MR_LOG_INVALID_TOPIC', /collides/));
});

test('where nothing is missing the brokers are asked once', async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const prefix = newPrefix();
  const log = await open(t, kafka, prefix);
  const wanted = [one('a'), one('b')];
  await log.createTopics(wanted);
  const cluster = new Cluster(parseKafkaUrl(`${kafka.url}?prefix=${prefix}`), environment);
  t.after(() => cluster.close());
  const { mock } = t.mock.method(cluster, 'refresh');
  await createTopics(cluster, wanted);
  assert.equal(mock.callCount(), 1);
});
