import fc from 'fast-check';
import type { RecordBatch } from '../../../port.ts';
import { anyRecord } from '../../../testing/records.ts';
import { BatchBuilder, type BatchIdentity } from '../batch-builder.ts';
import { ATTRIBUTES, CHECKSUM, CONTROL, checksum, TRANSACTIONAL, writeInt64 } from '../batch-format.ts';
import type { WrittenCompression } from '../compression.ts';
import { readableBatches } from '../readable-batches.ts';

/** Batches as a broker keeps them, made without one. */

export const nobody: BatchIdentity = {
  producerId: -1,
  epoch: -1,
  sequence: -1,
  isTransactional: false,
  compression: 'none',
};

/** A copy at an offset that the broker has given out. */
export function atOffset(offset: number, batch: Buffer): Buffer {
  const stored = Buffer.from(batch);
  writeInt64(stored, offset, 0);
  return stored;
}

/** Puts a batch's checksum right after its bytes were changed. */
export function resealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(checksum(batch, 0, batch.length), CHECKSUM);
  return batch;
}

export function dataBatch(
  offset: number,
  producerId: number,
  values: readonly string[],
  isTransactional: boolean,
): Buffer {
  const builder = new BatchBuilder();
  for (const value of values) builder.add(null, Buffer.from(value), 1);
  const epoch = producerId < 0 ? -1 : 0;
  return atOffset(offset, builder.finish({ ...nobody, producerId, epoch, isTransactional }));
}

/** What the broker writes at the end of a transaction: version and type as key, version and coordinator's epoch as value. */
export function markerBatch(offset: number, producerId: number, type: 'ABORT' | 'COMMIT'): Buffer {
  const builder = new BatchBuilder();
  builder.add(Buffer.from([0, 0, 0, type === 'ABORT' ? 0 : 1]), Buffer.alloc(6), 1);
  const batch = atOffset(offset, builder.finish({ ...nobody, producerId, epoch: 0 }));
  batch.writeInt16BE(TRANSACTIONAL | CONTROL, ATTRIBUTES);
  return resealed(batch);
}

/** With any timestamp that Kafka takes. */
export const anyKafkaRecord = anyRecord(
  fc.oneof(
    fc.integer({ min: 0, max: 1000 }),
    fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
    fc.maxSafeNat(),
  ),
);

export function read(records: Buffer, from = 0): readonly RecordBatch[] {
  return readableBatches({ topic: 't', partition: 3, records, aborted: [] }, from, 'read-committed').batches;
}

/** The batches one behind the other, from offset 7 on. */
export function encoded(builders: readonly BatchBuilder[], compression: WrittenCompression): Buffer {
  let offset = 7;
  return Buffer.concat(
    builders.map((builder) => {
      offset += builder.count;
      return atOffset(offset - builder.count, builder.finish({ ...nobody, compression }));
    }),
  );
}
