import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alterPartitionReassignmentsV0 } from '@platformatic/kafka';
import { type KafkaServer, ownKafka } from '#servers';
import type { Consumer } from '../../port.ts';
import { BatchBuilder } from '../records/batch-builder.ts';
import { retrying } from '../wire/retry.ts';
import { openConsumer } from './kafka-consumer.ts';
import {
  at,
  clusterOf,
  createTopic,
  pollValues,
  readToEnd,
  type TestCluster,
} from './testing/test-cluster.ts';
import { WireProducer } from './testing/wire-producer.ts';

/** So that compaction, and the loss of a broker, are noticed within a test. */
const properties = {
  'log.cleaner.backoff.ms': 100,
  'broker.heartbeat.interval.ms': 300,
  'broker.session.timeout.ms': 1500,
  'replica.lag.time.max.ms': 2000,
};

async function readUntil(consumer: Consumer, read: string[], count: number): Promise<void> {
  while (read.length < count) read.push(...(await pollValues(consumer)));
}

async function compactedIsReadThrough(opened: TestCluster): Promise<void> {
  const { cluster, prefix, run } = opened;
  await createTopic(opened, 'compacted', 1, { policy: 'compact', tombstoneRetentionMs: 0 });
  const configs = 'segment.ms=50,min.cleanable.dirty.ratio=0.001,min.compaction.lag.ms=0';
  const entity = ['--entity-type', 'topics', '--entity-name', `${prefix}compacted`];
  await run('kafka-configs', ['--alter', ...entity, '--add-config', configs]);
  const producer = await WireProducer.open(cluster);
  const write = async (key: string, value: string) => {
    // A segment ends by the timestamps of its records.
    const batch = new BatchBuilder();
    for (const each of [key, 'often']) batch.add(Buffer.from(each), Buffer.from(value), cluster.clock.now());
    await producer.send('compacted', 0, batch);
  };
  const rounds = 30;
  for (let round = 0; round < rounds; round++) {
    await write(`key ${round % 10}`, `${round}`);
    await cluster.clock.sleep(10);
  }
  const consumer = await openConsumer(cluster);
  let read: string[];
  do {
    // Another segment begins, so that the one before can be compacted; more often, the cleaner would never catch up.
    await cluster.clock.sleep(100);
    await write('last', 'end');
    consumer.assign([{ ...at('compacted'), offset: 0 }]);
    read = await readToEnd(consumer, at('compacted'));
  } while (read.length > rounds);
  assert.equal(read.at(-1), 'end');
  const kept = read.filter((value) => value !== 'end');
  for (let round = rounds - 10; round < rounds; round++) assert.ok(kept.includes(`${round}`), `${round}`);
  // Into the holes that compaction has left.
  for (let offset = 0; offset < 2 * rounds; offset += 7) {
    consumer.assign([{ ...at('compacted'), offset }]);
    const tail = await readToEnd(consumer, at('compacted'));
    assert.ok(tail.length <= read.length && tail.at(-1) === 'end', `from ${offset}`);
  }
  await consumer.close();
}

test('a reader outlives its broker, and reads what compaction has left', { timeout: 120_000 }, async (t) => {
  const kafka = await ownKafka(t, { properties });
  if (kafka === undefined) return;
  const opened = await clusterOf(t, kafka);
  const { cluster, warnings } = opened;
  await compactedIsReadThrough(opened);

  await createTopic(opened, 'topic', 2);
  const producer = await WireProducer.open(cluster);
  await producer.append('topic', 0, ['before']);
  const consumer = await openConsumer(cluster);
  consumer.assign([0, 1].map((partition) => ({ ...at('topic', partition), offset: 0 })));
  assert.deepEqual(await pollValues(consumer), ['before']);
  assert.deepEqual(await pollValues(consumer, 10), []);
  const waiting = pollValues(consumer, 100_000);
  await kafka.kill();
  const restarted = kafka.restart();
  // What nobody serves is waited for no longer than the poll says, and rejects nothing.
  const other = await openConsumer(cluster);
  other.assign([{ ...at('topic', 1), offset: 0 }]);
  assert.deepEqual(await other.poll(10), []);
  await restarted;
  await (await WireProducer.open(cluster)).append('topic', 1, ['after']);
  assert.deepEqual(await waiting, ['after']);
  const read: string[] = [];
  await readUntil(other, read, 1);
  assert.deepEqual(read, ['after']);
  assert.equal(warnings.filter((line) => line.includes('broker 1')).length, 2, `once a reader: ${warnings}`);
  await consumer.close();
  await other.close();
});

/** Gives every partition these replicas, and waits until one of them leads it. */
async function moveAll({ cluster, prefix }: TestCluster, topic: string, replicas: number[]): Promise<void> {
  const { leaders } = await cluster.topic(topic);
  const partitions = leaders.map((_, partitionIndex) => ({ partitionIndex, replicas }));
  const moves = [{ name: `${prefix}${topic}`, partitions }];
  await retrying(cluster, async () =>
    alterPartitionReassignmentsV0.api.async(await cluster.anyBroker(), 30_000, true, moves),
  );
  const isMoved = () => cluster.cachedTopic(topic)?.leaders.every((leader) => replicas.includes(leader));
  for (; isMoved() !== true; await cluster.refresh([topic])) await cluster.clock.sleep(50);
}

async function followsItsPartitions(kafka: KafkaServer, opened: TestCluster): Promise<void> {
  const { cluster } = opened;
  const partitions = [0, 1, 2, 3];
  await createTopic(opened, 'moving', partitions.length);
  const producer = await WireProducer.open(cluster);
  const consumer = await openConsumer(cluster);
  consumer.assign(partitions.map((partition) => ({ ...at('moving', partition), offset: 0 })));
  const written: string[] = [];
  const read: string[] = [];
  const write = async () => {
    for (const partition of partitions) {
      const value = `${written.length} of ${partition}`;
      await producer.append('moving', partition, [value]);
      written.push(value);
    }
  };
  const both = async () => {
    for (let i = 0; i < 10; i++) await write();
    await readUntil(consumer, read, written.length);
  };
  await moveAll(opened, 'moving', [2, 3]);
  await both();
  // One goes, and its partitions get another leader; the reader has requests waiting.
  const waiting = pollValues(consumer, 100_000);
  await kafka.members[1]?.kill();
  await write();
  read.push(...(await waiting));
  await both();
  await kafka.members[1]?.start();
  for (const to of [2, 1, 3]) {
    await moveAll(opened, 'moving', [to]);
    await both();
  }
  for (const partition of partitions) {
    const of = (values: readonly string[]) => values.filter((value) => value.endsWith(` of ${partition}`));
    assert.deepEqual(of(read), of(written));
  }
  await consumer.close();
}

/** A replica that lacks records becomes leader, and more are written than were lost. */
async function lossIsNoticed(kafka: KafkaServer, opened: TestCluster): Promise<void> {
  const { cluster, prefix, run } = opened;
  await createTopic(opened, 'cut');
  await moveAll(opened, 'cut', [2, 3]);
  const entity = ['--entity-type', 'topics', '--entity-name', `${prefix}cut`];
  await run('kafka-configs', ['--alter', ...entity, '--add-config', 'unclean.leader.election.enable=true']);
  const producer = await WireProducer.open(cluster);
  await producer.append('cut', 0, ['kept']);
  await kafka.members[2]?.kill();
  for (const value of ['lost', 'lost as well']) await producer.append('cut', 0, [value]);
  const consumer = await openConsumer(cluster);
  consumer.assign([{ ...at('cut'), offset: 0 }]);
  assert.equal((await readToEnd(consumer, at('cut'))).length, 3);
  await kafka.members[1]?.kill();
  await kafka.members[2]?.start();
  const other = await WireProducer.open(cluster);
  for (let i = 0; i < 5; i++) await other.append('cut', 0, ['new']);
  for (let times = 0; times < 2; times++) {
    const polled = async () => {
      for (;;) assert.deepEqual(await pollValues(consumer), []);
    };
    await assert.rejects(polled(), /read up to offset 3, and then cut back to 1/, 'every time');
  }
  await consumer.close();
}

test('a reader follows its partitions, and notices what they have lost', { timeout: 240_000 }, async (t) => {
  const kafka = await ownKafka(t, { brokers: 3, properties });
  if (kafka === undefined) return;
  const opened = await clusterOf(t, kafka, 'replication=2');
  await followsItsPartitions(kafka, opened);
  await lossIsNoticed(kafka, opened);
});
