/** A log with records of two inputs, and letters about them. */
import { deadLetterHeaders, type TopicRecord, writeRecords } from '#engine';
import type { Log, SchemaRegistry, TopicSpec } from '#log';
import { recordsIn } from '#log/testing';
import { systemClock } from '#platform';
import type { DeadLetter } from '#schemas';
import { openTopics } from '#topologies';
import { type Decision, decideLetters } from '../decide.ts';

/** A topic of a user's own: two partitions, records of any bytes. */
export const input: TopicSpec = {
  name: 'input',
  partitions: 2,
  cleanup: { policy: 'delete', retentionMs: null },
};
export const table: TopicSpec = {
  name: 'table',
  partitions: 1,
  cleanup: { policy: 'compact', tombstoneRetentionMs: 1_000 },
};

export type LettersWorld = Awaited<ReturnType<typeof lettersWorld>>;

export async function lettersWorld(log: Log, registry: SchemaRegistry) {
  const topics = await openTopics(log, registry);
  await log.createTopics([input, table]);
  const environment = { log, topics, clock: systemClock };
  const append = async (topic: string, partition: number, key: string, value: string, timestamp = 5) => {
    const producer = await log.producer();
    const headers = [['trace', Buffer.from(`of ${value}`)]] as const;
    const record = { key: Buffer.from(key), value: Buffer.from(value), timestamp, headers };
    const { baseOffset: offset } = await producer.append(topic, partition, [record]);
    await producer.close();
    return { topic, partition, offset, timestamp, key: record.key, value: record.value };
  };
  type Place = Omit<DeadLetter, 'operator' | 'reason' | 'message'>;
  const write = async (letters: readonly (Place & Partial<DeadLetter>)[]) => {
    const records = letters.map((about) => {
      const value = { operator: 'op', reason: 'MR_PROCESSOR_THREW', message: 'no', ...about };
      const headers = deadLetterHeaders(value, new TypeError('no'));
      return { key: value.topic, value, timestamp: value.timestamp, headers };
    });
    await writeRecords(log, topics['dead-letters'], records);
  };
  return {
    ...environment,
    append,
    /** As many records, in turn in both partitions of `input`, each with its letter. */
    many: async (count: number) => {
      const producer = await log.producer();
      for (const partition of [0, 1]) {
        const records = Array.from({ length: count / 2 }, (_, i) => {
          const [key, value] = [Buffer.from(`k${i}`), Buffer.from(`${partition} ${i}`)];
          return { key, value, timestamp: 5 };
        });
        const { baseOffset } = await producer.append('input', partition, records);
        const place = { topic: 'input', partition };
        await write(records.map((record, i) => ({ ...place, offset: baseOffset + i, ...record })));
      }
      await producer.close();
    },
    /** The letter of an operator that has failed on a record; its id is its place among all letters. */
    letter: (about: Place, changes: Partial<DeadLetter> = {}) => write([{ ...about, ...changes }]),
    decide: (fate: Decision['fate'], changes: Partial<Decision> = {}) =>
      decideLetters(environment, { fate, filter: {}, actor: 'ann', derived: new Set(), ...changes }),
    /** Values of a partition, as text. */
    values: async (topic: string, partition: number) =>
      (await recordsIn(log, { topic, partition })).map(({ record }) => record.value?.toString()),
  };
}

export type Read<V> = TopicRecord<string, V>;
