import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { avroSerde, type OnUndecodable, TopicReader, textKey, writeRecords } from '#engine';
import { type Log, openEmbeddedLog, partitionFor } from '#log';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { avroSchema, type PrivacyStatus, topics, type UserPrivacy } from '#schemas';
import { excludedUsers, type PrivacyTopic, writePrivacyStatus } from './status.ts';

async function opened(t: TestContext) {
  const directory = temporaryDirectory(t);
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  t.after(() => log.close());
  const value = await avroSerde<UserPrivacy>(log.registry, 'privacy-value', avroSchema('UserPrivacy'));
  const topic: PrivacyTopic & { onUndecodable?: OnUndecodable } = { ...topics.privacy, key: textKey, value };
  await log.createTopics([topic]);
  const decide = (user_id: string, status: PrivacyStatus, on: Log = log) =>
    writePrivacyStatus(on, topic, { user_id, status, ts: 1 });
  return { log, topic, decide, excluded: async () => [...(await excludedUsers(log, topic))].sort() };
}

const refused = { code: 'MR_PRIVACY_ERASED', remedy: 'fix-input' };

it('users are left out from their opting out to their opting in', async (t) => {
  const { decide, excluded } = await opened(t);
  await decide('anna', 'opted_out');
  await decide('bert', 'opted_out');
  assert.deepEqual(await excluded(), ['anna', 'bert']);
  await decide('anna', 'opted_in');
  assert.deepEqual(await excluded(), ['bert']);
});

it('nothing is decided any more over one who is erased', async (t) => {
  const { log, topic, decide, excluded } = await opened(t);
  await decide('anna', 'erased');
  await assert.rejects(decide('anna', 'opted_in'), refused);
  await assert.rejects(decide('anna', 'opted_out'), refused);
  await decide('anna', 'erased');
  // Whoever writes past the check changes nothing either.
  const value = { user_id: 'anna', status: 'opted_in', ts: 2 } as const;
  await writeRecords(log, topic, [{ key: 'anna', value, timestamp: 2 }]);
  assert.deepEqual(await excluded(), ['anna']);
});

it('an erasure that comes between the look and the writing has the last word', async (t) => {
  const { log, topic, decide } = await opened(t);
  let isFirst = true;
  const overtaken = {
    consumer: log.consumer.bind(log),
    describeTopics: log.describeTopics.bind(log),
    producer: async () => {
      if (isFirst) await decide('anna', 'erased');
      isFirst = false;
      return log.producer();
    },
  } as unknown as Log;
  await assert.rejects(decide('anna', 'opted_in', overtaken), refused);
  const written: unknown[] = [];
  const reader = await TopicReader.open(log, topic, { from: 'start' });
  for await (const records of reader.untilEnd()) written.push(...records.map(({ value }) => value?.status));
  await reader.close();
  assert.deepEqual(written, ['erased', 'opted_in', 'erased']);
});

it('a decision that cannot be decoded counts as opting out, until the user decides again', async (t) => {
  const { log, topic, decide, excluded } = await opened(t);
  const told: number[] = [];
  topic.onUndecodable = ({ offset }) => void told.push(offset);
  const producer = await log.producer();
  const partition = partitionFor(Buffer.from('anna'), topic.partitions);
  await producer.append(topic.name, partition, [
    { key: Buffer.from('anna'), value: Buffer.from('{"status":"opted_out"}'), timestamp: 1 },
  ]);
  assert.deepEqual(await excluded(), ['anna']);
  assert.deepEqual(told, [0]);
  await decide('anna', 'opted_in');
  assert.deepEqual(await excluded(), []);
});
