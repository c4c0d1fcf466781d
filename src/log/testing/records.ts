import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Log, ProducerRecord, RecordBatch, TopicPartition } from '../port.ts';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((b) => Buffer.from(b));

export const anyRecord = (timestamp: fc.Arbitrary<number>): fc.Arbitrary<ProducerRecord> =>
  fc.record(
    {
      key: fc.option(bytes(40)),
      value: fc.option(bytes(300)),
      timestamp,
      headers: fc.array(fc.tuple(fc.string({ maxLength: 10, unit: 'grapheme' }), bytes(150)), {
        maxLength: 3,
      }),
    },
    { noNullPrototype: true },
  );

/** The records of batches, with their offsets. */
export const all = (batches: readonly RecordBatch[]) =>
  batches.flatMap((batch) => Array.from({ length: batch.count }, (_, i) => recordAt(batch, i)));

function recordAt(batch: RecordBatch, i: number) {
  const [key, value] = [batch.key(i), batch.value(i)];
  const timestamp = batch.timestamp(i);
  const entry = batch.readEntry(i, (bytes, keyStart, keyEnd, valueStart, valueEnd) => ({
    key: keyEnd < 0 ? null : bytes.subarray(keyStart, keyEnd),
    value: valueEnd < 0 ? null : bytes.subarray(valueStart, valueEnd),
  }));
  assert.deepEqual(entry, { key, value });
  return { offset: batch.offset(i), record: { key, value, timestamp, headers: batch.headers(i) } };
}

/** The readable records of a partition with their offsets, as they are on the log. */
export async function recordsIn(log: Log, { topic, partition }: TopicPartition) {
  const [description] = await log.describeTopics([topic]);
  const { start = 0, stable = 0 } = description?.offsets[partition] ?? {};
  const consumer = await log.consumer();
  consumer.assign([{ topic, partition, offset: start }]);
  const read: ReturnType<typeof all>[number][] = [];
  while ((consumer.position({ topic, partition }) ?? stable) < stable)
    read.push(...all(await consumer.poll(50)));
  await consumer.close();
  return read;
}
