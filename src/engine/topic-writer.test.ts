import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Log, openSimulatedLog } from '#log';
import { systemClock } from '#platform';
import { avroSerde } from './avro-serde.ts';
import { type Topic, textKey } from './serde.ts';
import { TopicReader } from './topic-reader.ts';
import { writeRecords } from './topic-writer.ts';

it('writes records for once and leaves no producer open, whether or not they can be written', async (t) => {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0, maxDelayMs: 0 });
  t.after(() => log.close());
  const schema = { type: 'record', name: 'Thing', fields: [{ name: 'id', type: 'string' }] };
  const value = await avroSerde<{ id: string }>(log.registry, 'things-value', schema);
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  const topic: Topic<string, { id: string }> = {
    name: 'things',
    partitions: 2,
    cleanup,
    key: textKey,
    value,
  };
  await log.createTopics([topic]);
  let open = 0;
  const counting = {
    producer: async () => {
      const producer = await log.producer();
      open += 1;
      const append: typeof producer.append = (...taken) => producer.append(...taken);
      const close = async () => {
        await producer.close();
        open -= 1;
      };
      return { append, close };
    },
  };
  const counted = counting as unknown as Log;
  await writeRecords(counted, topic, [
    { key: 'a', value: { id: 'a' }, timestamp: 1 },
    { key: 'b', value: null, timestamp: 2 },
  ]);
  const bad = { key: 'c', value: { id: 1 } as unknown as { id: string }, timestamp: 3 };
  await assert.rejects(writeRecords(counted, topic, [bad]), { code: 'MR_AVRO_ENCODE' });
  assert.equal(open, 0);
  const found = new Map<string, unknown>();
  const reader = await TopicReader.open(log, topic, { from: 'start' });
  for await (const records of reader.untilEnd()) for (const { key, value } of records) found.set(key, value);
  await reader.close();
  assert.deepEqual([...found].sort(), [
    ['a', { id: 'a' }],
    ['b', null],
  ]);
});
