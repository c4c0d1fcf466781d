import fc from 'fast-check';
import type { ProducerRecord, RecordBatch } from '../port.ts';

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

const recordAt = (batch: RecordBatch, i: number) => ({
  offset: batch.offset(i),
  record: {
    key: batch.key(i),
    value: batch.value(i),
    timestamp: batch.timestamp(i),
    headers: batch.headers(i),
  },
});
