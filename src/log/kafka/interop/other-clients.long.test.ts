import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { systemClock } from '#platform';
import { kafkaServer, runKcat } from '#servers';
import type { Header, Log, ProducerRecord } from '../../port.ts';
import { openKafkaLog } from '../kafka-log.ts';
import { parseKafkaUrl } from '../wire/kafka-options.ts';

// kafkajs sets timers to times that have passed, and Node warns of each.
process.removeAllListeners('warning');

/** A record in words: what every client has to say the same of. */
type Told = {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
};

const first = Date.UTC(2020, 1, 29);
const records: readonly ProducerRecord[] = [
  { key: Buffer.from('k1'), value: Buffer.from('one'), timestamp: first },
  { key: null, value: Buffer.from('no key'), timestamp: first + 1 },
  { key: Buffer.from('k3'), value: null, timestamp: first + 2 },
  { key: Buffer.from(''), value: Buffer.from(''), timestamp: first + 3 },
  {
    key: Buffer.from('k5'),
    value: Buffer.from('x'.repeat(5000)),
    timestamp: first + 4,
    headers: [
      ['trace', Buffer.from('abc')],
      ['empty', Buffer.from('')],
    ],
  },
];

const textOf = (bytes: Buffer | null) => (bytes === null ? null : bytes.toString());
const headersOf = (headers: readonly Header[]) =>
  headers.map(([name, value]) => [name, textOf(value)] as const);

/** The records as they lie in the log from `offset` on. */
const told = (all: readonly ProducerRecord[], offset = 0): Told[] =>
  all.map(({ key, value, timestamp, headers = [] }, i) => ({
    offset: offset + i,
    timestamp,
    key: textOf(key as Buffer | null),
    value: textOf(value),
    headers: headersOf(headers),
  }));

async function readAll(log: Log, topic: string): Promise<Told[]> {
  const at = { topic, partition: 0 };
  const consumer = await log.consumer();
  consumer.assign([{ ...at, offset: 0 }]);
  const read: Told[] = [];
  do {
    for (const batch of await consumer.poll(200)) {
      for (let i = 0; i < batch.count; i++) {
        read.push({
          offset: batch.offset(i),
          timestamp: batch.timestamp(i),
          key: textOf(batch.key(i)),
          value: textOf(batch.value(i)),
          headers: headersOf(batch.headers(i)),
        });
      }
    }
  } while (consumer.position(at) !== consumer.end(at));
  await consumer.close();
  return read;
}

let prefixes = 0;

async function setUp(t: TestContext, parameters = '') {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return undefined;
  const prefix = `other-clients-${process.pid}-${prefixes++}.`;
  const options = parseKafkaUrl(`${kafka.url}?prefix=${prefix}&${parameters}`);
  const log = await openKafkaLog(options, { clock: systemClock, random: Math.random });
  t.after(async () => {
    await log.deleteTopics((await log.describeTopics()).map(({ name }) => name));
    await log.close();
  });
  await log.createTopics([{ name: 't', partitions: 1, cleanup: { policy: 'delete', retentionMs: null } }]);
  return { log, brokers: kafka.brokers, topic: `${prefix}t` };
}

for (const compression of ['none', 'lz4', 'zstd']) {
  test(`kcat reads what is written with compression ${compression}`, async (t) => {
    const opened = await setUp(t, `compression=${compression}`);
    if (opened === undefined) return;
    const { log, brokers, topic } = opened;
    await (await log.producer()).append('t', 0, records);
    const transactional = await log.transactionalProducer('tx');
    transactional.append('t', 0, records);
    await transactional.abort();
    transactional.append('t', 0, records);
    await transactional.commit();
    const printed = await runKcat(brokers, [
      '-C',
      '-t',
      topic,
      '-e',
      '-q',
      '-J',
      '-X',
      'isolation.level=read_committed',
    ]);
    type Line = {
      offset: number;
      ts: number;
      key: string | null;
      payload: string | null;
      headers?: string[];
    };
    const read = printed
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as Line)
      .map(({ offset, ts, key, payload, headers = [] }): Told => {
        const pairs = headers.flatMap((name, i) =>
          i % 2 === 0 ? [[name, headers[i + 1] ?? null] as const] : [],
        );
        return { offset, timestamp: ts, key, value: payload, headers: pairs };
      });
    const committedFrom = read[records.length]?.offset ?? 0;
    assert.deepEqual(read, [...told(records), ...told(records, committedFrom)]);
  });
}

test('what kcat writes is read', async (t) => {
  const opened = await setUp(t);
  if (opened === undefined) return;
  const { log, brokers, topic } = opened;
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    const lines = `k:${codec} a\nl:${codec} b\n`;
    await runKcat(
      brokers,
      ['-P', '-t', topic, '-K:', '-z', codec, '-H', 'from=kcat', '-H', 'nothing='],
      lines,
    );
  }
  const read = await readAll(log, 't');
  const values = ['none', 'gzip', 'snappy', 'lz4', 'zstd'].flatMap((codec) => [`${codec} a`, `${codec} b`]);
  assert.deepEqual(
    read.map(({ key, value, headers, offset }) => [offset, key, value, headers]),
    values.map((value, i) => {
      const headers = [
        ['from', 'kcat'],
        ['nothing', ''],
      ];
      return [i, i % 2 === 0 ? 'k' : 'l', value, headers];
    }),
  );
  assert.ok(read.every(({ timestamp }) => timestamp > first));
});

test('kafkajs reads and writes the same', { timeout: 180_000 }, async (t) => {
  const opened = await setUp(t);
  if (opened === undefined) return;
  const { log, brokers, topic } = opened;
  const client = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const transactional = await log.transactionalProducer('tx');
  transactional.append('t', 0, records);
  await transactional.abort();
  transactional.append('t', 0, records);
  await transactional.commit();
  const written = await readAll(log, 't');
  assert.deepEqual(written, told(records, written[0]?.offset));

  const producer = client.producer();
  await producer.connect();
  await producer.send({
    topic,
    compression: CompressionTypes.GZIP,
    messages: records.map(({ key, value, timestamp, headers = [] }) => ({
      key: key as Buffer | null,
      value,
      timestamp: `${timestamp}`,
      headers: Object.fromEntries(
        headers.flatMap(([name, bytes]) => (bytes === null ? [] : [[name, bytes]])),
      ),
    })),
  });
  await producer.disconnect();
  const all = await readAll(log, 't');
  assert.deepEqual(all, [...written, ...told(records, all[records.length]?.offset)]);

  const consumer = client.consumer({ groupId: `${topic}-readers` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const read: Told[] = [];
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async ({ message: { offset, timestamp, key, value, headers = {} } }) => {
        const pairs = Object.entries(headers).map(([name, bytes]) => [name, `${bytes as Buffer}`] as const);
        read.push({
          offset: Number(offset),
          timestamp: Number(timestamp),
          key: textOf(key),
          value: textOf(value),
          headers: pairs,
        });
        if (read.length === all.length) resolve();
      },
    });
  });
  await consumer.disconnect();
  assert.deepEqual(read, all);
});
