import assert from 'node:assert/strict';
import { it } from 'node:test';
import { errorCode, type Logger } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { withDuckDb } from '../duckdb.ts';
import { stageTopic } from './staging.ts';
import { layouts } from './tables.ts';
import { example, fillSmallWorld, smallExamples, smallWorld, startMs } from './testing/small-world.ts';

it('stages what a topic holds, and reports what cannot be decoded', async (t) => {
  const world = await smallWorld(t);
  await fillSmallWorld(world);
  const cutShort = world.topics.examples.value.encode(example('u1', 'i1', startMs)).subarray(0, -3);
  const producer = await world.log.producer();
  await producer.append(
    'examples',
    1,
    [cutShort, Buffer.from('no Avro'), cutShort].map((value) => {
      return { key: Buffer.from('u1'), value, timestamp: startMs };
    }),
  );
  await producer.close();
  const [description] = await world.log.describeTopics(['examples']);
  const end = description?.offsets[1]?.stable ?? 0;

  const reported: object[] = [];
  const warn = ({ err, ...place }: Record<string, unknown>) =>
    reported.push({ ...place, code: errorCode(err) });
  const logger = { warn } as unknown as Logger;
  await withDuckDb(temporaryDirectory(t), async (database) => {
    const { record } = layouts.examples;
    const staging = { database, onRecords: () => {} };
    const source = { log: world.log, logger };
    const { records } = await stageTopic(source, world.topics.examples, record, 'read_examples', staging);
    const found = await database.rows('SELECT event_id FROM read_examples ORDER BY event_id');
    assert.equal(records, found.length);
    const events = smallExamples().map(({ event_id }) => event_id);
    assert.deepEqual(
      found.map(({ event_id }) => event_id),
      events.sort(),
    );
  });
  const place = { topic: 'examples', partition: 1, code: 'MR_AVRO_DECODE' };
  assert.deepEqual(
    new Set(reported),
    new Set([end - 1, end - 2, end - 3].map((offset) => ({ ...place, offset }))),
  );
});
