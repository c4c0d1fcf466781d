import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openSimulatedLog } from '#log';
import { RetryableError, systemClock } from '#platform';
import { avroSerde } from './avro-serde.ts';
import { type Topic, textKey } from './serde.ts';
import { currentRecords, TopicReader } from './topic-reader.ts';
import { TopicWriter } from './topic-writer.ts';

const id = { name: 'id', type: 'string' };
const first = { type: 'record', name: 'Thing', fields: [id] };
const second = { ...first, fields: [id, { name: 'size', type: 'int', default: 0 }] };
type Thing = { readonly id: string };

it('leaves no record out while its schema cannot be fetched', async (t) => {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0, maxDelayMs: 0 });
  t.after(() => log.close());
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  const topic = async (schema: object, registry = log.registry): Promise<Topic<string, Thing>> => {
    const value = await avroSerde<Thing>(registry, 'things-value', schema);
    return { name: 'things', partitions: 1, cleanup, key: textKey, value };
  };
  let isAway = false;
  const moody = {
    register: log.registry.register.bind(log.registry),
    versions: log.registry.versions.bind(log.registry),
    schema: async (schemaId: number) => {
      if (isAway) throw new RetryableError('MR_SCHEMA_REGISTRY_UNAVAILABLE', 'away');
      return log.registry.schema(schemaId);
    },
  };
  const old = await topic(first, moody);
  await log.createTopics([old]);
  const reader = await TopicReader.open(log, old, {
    from: 'start',
    onUndecodable: (_, error) => assert.fail(String(error)),
  });
  for (const [schema, name] of [
    [first, 'a'],
    [second, 'b'],
  ] as const) {
    const writer = await TopicWriter.open(log, await topic(schema));
    await writer.write([{ key: name, value: { id: name, ...(name === 'b' && { size: 1 }) }, timestamp: 1 }]);
    await writer.close();
  }
  isAway = true;
  for (let tries = 0; tries < 2; tries++) {
    await assert.rejects(reader.poll(1_000), { code: 'MR_SCHEMA_REGISTRY_UNAVAILABLE' });
  }
  isAway = false;
  const keys: string[] = [];
  while (keys.length < 2) for (const { key } of await reader.poll(1_000)) keys.push(key);
  assert.deepEqual(keys, ['a', 'b']);
});

it('refuses what it cannot decode with its place, unless the topic or the reader says otherwise', async (t) => {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0, maxDelayMs: 0 });
  t.after(() => log.close());
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  const value = await avroSerde<Thing>(log.registry, 'things-value', first);
  const topic: Topic<string, Thing> = { name: 'things', partitions: 1, cleanup, key: textKey, value };
  await log.createTopics([topic]);
  const writer = await TopicWriter.open(log, topic);
  await writer.write([{ key: 'a', value: { id: 'a' }, timestamp: 1 }]);
  const producer = await log.producer();
  await producer.append('things', 0, [{ key: Buffer.from('b'), value: Buffer.from('{}'), timestamp: 1 }]);
  await writer.write([{ key: 'c', value: { id: 'c' }, timestamp: 1 }]);
  const keys = async (of: Topic<string, Thing>) => [...(await currentRecords(log, of, 'by-first')).keys()];

  await assert.rejects(keys(topic), {
    code: 'MR_RECORD_UNDECODABLE',
    message: /^The record at offset 1 of topic things, partition 0, can't be decoded: Not a value/,
  });
  const told: unknown[] = [];
  const lenient = { ...topic, onUndecodable: (...args: unknown[]) => void told.push(args[0]) };
  assert.deepEqual(await keys(lenient), ['a', 'c']);
  assert.deepEqual(told, [{ topic: 'things', partition: 0, offset: 1, key: 'b' }]);
});
