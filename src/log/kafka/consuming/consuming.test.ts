import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deleteRecordsV2 } from '@platformatic/kafka';
import { errorCode } from '#platform';
import type { ServerTest } from '#servers';
import { Assignment } from '../../assignment.ts';
import { BatchBuilder } from '../records/batch-builder.ts';
import { deleteTopics } from '../topics/topics.ts';
import { Fetching } from './fetching.ts';
import { openConsumer } from './kafka-consumer.ts';
import { Reading } from './reading.ts';
import { at, createTopic, keepForEver, pollValues, readToEnd, testCluster } from './testing/test-cluster.ts';
import { WireProducer } from './testing/wire-producer.ts';

const hasCode = (code: string) => (error: unknown) => {
  assert.equal(errorCode(error), code, String(error));
  return true;
};

function batchOf(count: number, bytes: number): BatchBuilder {
  const batch = new BatchBuilder();
  for (let i = 0; i < count; i++) batch.add(Buffer.from(`${i}`), Buffer.alloc(bytes, 'x'), 1);
  return batch;
}

test('the first poll knows where the log ends, even one that may not wait', async (t) => {
  const opened = await testCluster(t);
  if (opened === undefined) return;
  await createTopic(opened, 'topic', 2);
  const producer = await WireProducer.open(opened.cluster);
  await producer.append('topic', 0, ['a', 'b']);
  const consumer = await openConsumer(opened.cluster);
  consumer.assign([0, 1].map((partition) => ({ ...at('topic', partition), offset: 0 })));
  assert.deepEqual(await pollValues(consumer, 0), ['a', 'b']);
  assert.equal(consumer.end(at('topic', 0)), 2);
  assert.equal(consumer.end(at('topic', 1)), 0);
  await consumer.close();
});

test('a consumer that was not polled for long sees what has come meanwhile, without waiting', async (t) => {
  const opened = await testCluster(t);
  if (opened === undefined) return;
  await createTopic(opened, 'topic');
  const { cluster } = opened;
  const producer = await WireProducer.open(cluster);
  const consumer = await openConsumer(cluster);
  consumer.assign([{ ...at('topic'), offset: 0 }]);
  assert.deepEqual(await pollValues(consumer, 0), []);
  // Longer than a request waits at the broker, so that none is on its way.
  await cluster.clock.sleep(1_700);
  await producer.append('topic', 0, ['a']);
  assert.deepEqual(await pollValues(consumer, 0), ['a']);
  await consumer.close();
});

test('a batch that is larger than every limit arrives, also behind other partitions', async (t) => {
  const opened = await testCluster(t);
  if (opened === undefined) return;
  await createTopic(opened, 'topic', 3);
  const producer = await WireProducer.open(opened.cluster);
  for (const partition of [0, 1, 2]) {
    await producer.send('topic', partition, batchOf(2, 400_000));
    await producer.send('topic', partition, batchOf(1, 1_500_000));
  }
  const consumer = await openConsumer(opened.cluster, { maxBytes: 1000 });
  consumer.assign([0, 1, 2].map((partition) => ({ ...at('topic', partition), offset: 0 })));
  const offsets: number[][] = [[], [], []];
  while (offsets.some((taken) => taken.at(-1) !== 2)) {
    for (const batch of await consumer.poll(1000)) {
      for (let i = 0; i < batch.count; i++) offsets[batch.partition]?.push(batch.offset(i));
    }
  }
  const once = [0, 1, 2];
  assert.deepEqual(offsets, [once, once, once]);
  await consumer.close();
});

const BATCH_BYTES = 10_000;
const ANSWER_BYTES = 100_000;

/** A reading of each partition of a topic that has this many batches in them, and what tells of arrivals. */
async function openReadings(t: ServerTest, batches: readonly number[], assignment = new Assignment()) {
  const opened = await testCluster(t);
  if (opened === undefined) return undefined;
  const { cluster } = opened;
  await createTopic(opened, 'topic', batches.length);
  const producer = await WireProducer.open(cluster);
  for (const [partition, count] of batches.entries()) {
    for (let i = 0; i < count; i++) await producer.send('topic', partition, batchOf(1, BATCH_BYTES));
  }
  let arrivals = Promise.withResolvers<void>();
  const fetching = new Fetching(cluster, { isolation: 'read-committed', answerBytes: ANSWER_BYTES }, () => {
    arrivals.resolve();
    arrivals = Promise.withResolvers();
  });
  const places = batches.map((_, partition) => at('topic', partition));
  assignment.replace(places.map((place) => ({ ...place, offset: 0 })));
  const readings = places.flatMap((place) => assignment.of(place) ?? []).map((each) => new Reading(each));
  fetching.assign(readings);
  const until = async (isReached: () => boolean) => {
    while (!isReached()) {
      const arrival = arrivals.promise;
      fetching.ask(true);
      await arrival;
    }
  };
  return { cluster, fetching, assignment, readings, arrival: () => arrivals.promise, until };
}

const takeAll = (reading: Reading) => reading.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, []);

test('a poll does not wait for a partition that is not asked for, because what has come of the others fills the room', async (t) => {
  const opened = await openReadings(t, [30, 30, 30, 30]);
  if (opened === undefined) return;
  const { cluster, fetching, readings, until } = opened;
  const allHaveSome = () => readings.every(({ isEmpty }) => !isEmpty);
  await until(allHaveSome);
  const [first, ...others] = readings as [Reading, ...Reading[]];
  // Fetched alone, a partition returns as much as a response holds.
  for (const other of others.slice(0, 2)) {
    takeAll(other);
    await until(allHaveSome);
  }
  takeAll(first);
  // So long that the last answer tells nothing of now.
  await cluster.clock.sleep(20);
  fetching.ask(true);
  assert.ok(!first.isInFlight && fetching.awaitedUntil < cluster.clock.monotonic());
  for (const other of others) takeAll(other);
  fetching.ask(true);
  assert.ok(first.isInFlight && fetching.awaitedUntil > cluster.clock.monotonic());
  await fetching.close();
});

test('what has more is asked for, although requests for quiet partitions wait at the broker', async (t) => {
  const opened = await openReadings(t, [0, 0, 30]);
  if (opened === undefined) return;
  const { fetching, readings, until } = opened;
  const [quiet, late, busy] = readings as [Reading, Reading, Reading];
  late.assigned.paused = true;
  await until(() => !busy.isEmpty && quiet.isInFlight);
  late.assigned.paused = false;
  fetching.ask();
  takeAll(busy);
  fetching.ask();
  assert.deepEqual(
    readings.map(({ isInFlight }) => isInFlight),
    [true, true, true],
  );
  await fetching.close();
});

test('what was fetched and not polled stays bounded, and a paused partition gives way', async (t) => {
  const batches = 60;
  const opened = await openReadings(t, [batches, batches, batches, batches], new Assignment(BATCH_BYTES));
  if (opened === undefined) return;
  const { fetching, assignment, readings, arrival } = opened;
  const [first, ...others] = readings as [Reading, ...Reading[]];
  let most = 0;
  // The others are paused as soon as they hold something, until the first one has been read to its end.
  while (first.assigned.position < batches) {
    const arrived = arrival();
    fetching.ask(true);
    const held = readings.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0);
    most = Math.max(most, held);
    for (const other of others) other.assigned.paused = other.bufferedBytes > 0 || other.assigned.paused;
    if (first.take(BATCH_BYTES, BATCH_BYTES, []) === 0) await arrived;
  }
  assert.ok(most > ANSWER_BYTES && most <= 4 * ANSWER_BYTES, `${most} bytes`);
  for (const other of others) assert.equal(other.assigned.position, 0);
  assignment.setPaused(
    others.map(({ assigned }) => assigned),
    false,
  );
  while (others.some((other) => other.assigned.position < batches)) {
    const arrived = arrival();
    fetching.ask(true);
    const taken = assignment.fetch((each, ...rest) => fetching.of(each)?.take(...rest));
    if (taken.length === 0) await arrived;
  }
  await fetching.close();
});

test('offsets below the start of the log are refused, with what it holds', async (t) => {
  const opened = await testCluster(t);
  if (opened === undefined) return;
  const { cluster } = opened;
  await createTopic(opened, 'topic', 2);
  const producer = await WireProducer.open(cluster);
  for (const partition of [0, 1])
    for (const value of ['a', 'b', 'c']) await producer.append('topic', partition, [value]);
  const { leaders, kafkaName } = await cluster.topic('topic');
  const partitions = [{ partitionIndex: 0, offset: 2n }];
  const leader = await cluster.connection(leaders[0] ?? -1, 'deletion');
  await deleteRecordsV2.api.async(leader, [{ name: kafkaName, partitions }], 10_000);
  const consumer = await openConsumer(cluster);
  consumer.assign([0, 1].map((partition) => ({ ...at('topic', partition), offset: 1 })));
  const values: string[] = [];
  const refusals: string[] = [];
  // Whose turn comes first is the consumer's business.
  while (values.length < 2 || refusals.length < 2) {
    await pollValues(consumer).then(
      (polled) => values.push(...polled),
      (error) => {
        hasCode('MR_LOG_OFFSET_OUT_OF_RANGE')(error);
        refusals.push(String(error));
      },
    );
  }
  assert.deepEqual(values, ['b', 'c'], 'what another partition gave is not lost');
  for (const refusal of refusals) assert.match(refusal, /offset 1 of topic\/0 .* holds 2 to 3/);
  consumer.assign([{ ...at('topic'), offset: 2 }]);
  assert.deepEqual(await readToEnd(consumer, at('topic')), ['c']);
  await consumer.close();
});

test('a topic deleted under a reader is unknown, and a recreated one counts as different', async (t) => {
  const opened = await testCluster(t);
  if (opened === undefined) return;
  const { cluster } = opened;
  await createTopic(opened, 'deleted');
  await createTopic(opened, 'remade');
  await createTopic(opened, 'kept');
  const producer = await WireProducer.open(cluster);
  for (const topic of ['deleted', 'remade']) await producer.append(topic, 0, ['a', 'b']);
  const consumer = await openConsumer(cluster);
  const other = await openConsumer(cluster);
  consumer.assign([
    { ...at('deleted'), offset: 0 },
    { ...at('kept'), offset: 0 },
  ]);
  other.assign([{ ...at('remade'), offset: 0 }]);
  assert.deepEqual(await pollValues(consumer), ['a', 'b']);
  assert.deepEqual(await pollValues(other), ['a', 'b']);
  const waiting = assert.rejects(consumer.poll(30_000), hasCode('MR_LOG_UNKNOWN_TOPIC'));
  await deleteTopics(cluster, ['deleted', 'remade']);
  await createTopic(opened, 'remade', 1, keepForEver);
  await waiting;
  for (let times = 0; times < 2; times++) {
    await assert.rejects(other.poll(30_000), hasCode('MR_LOG_TOPIC_REPLACED'), 'every time');
  }
  await consumer.close();
  await other.close();
});

test('a topic that is about to be created is waited for', async (t) => {
  const opened = await testCluster(t);
  if (opened === undefined) return;
  const consumer = await openConsumer(opened.cluster);
  consumer.assign([{ ...at('late'), offset: 0 }]);
  await assert.rejects(consumer.poll(0), hasCode('MR_LOG_UNKNOWN_TOPIC'));
  await createTopic(opened, 'late');
  // The broker's answer may take longer than one poll.
  while (consumer.end(at('late')) === undefined) assert.deepEqual(await consumer.poll(20), []);
  assert.equal(consumer.end(at('late')), 0);
  await consumer.close();
});
