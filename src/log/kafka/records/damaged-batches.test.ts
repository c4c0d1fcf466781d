import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { errorCode } from '#platform';
import { all } from '../../testing/records.ts';
import { BatchBuilder, buildBatches } from './batch-builder.ts';
import { ATTRIBUTES, CHECKSUM, COUNT, HEADER_BYTES, LAST_OFFSET_DELTA } from './batch-format.ts';
import type { WrittenCompression } from './compression.ts';
import { anyKafkaRecord, atOffset, encoded, nobody, read, resealed } from './testing/stored-batches.ts';

test('a last batch that is cut off is left out', () => {
  const whole = encoded(buildBatches([[{ key: Buffer.from('k'), value: null, timestamp: 1 }]], 1000), 'none');
  for (let cut = 0; cut < whole.length; cut++) {
    const records = Buffer.concat([whole, atOffset(8, whole).subarray(0, cut)]);
    assert.deepEqual(
      all(read(records)).map((r) => r.offset),
      [7],
    );
    assert.deepEqual(read(whole.subarray(0, cut)), []);
  }
});

test('bytes that were damaged are refused, whichever they are', () => {
  const records = Array.from({ length: 5 }, (_, i) => ({
    key: Buffer.from(`${i}`),
    value: Buffer.alloc(9),
    timestamp: i,
  }));
  const whole = encoded(buildBatches([records], 1000), 'none');
  // The offset, the leader's epoch and the length of the batch are not under its checksum.
  for (let i = CHECKSUM; i < whole.length; i++) {
    const damaged = Buffer.from(whole);
    damaged[i] = (damaged[i] as number) ^ 0x10;
    assert.throws(() => read(damaged), { code: 'MR_LOG_CORRUPT' }, `byte ${i}`);
  }
});

test('a batch of an old format is refused by its name, one of an unknown format as damaged', () => {
  const whole = encoded(buildBatches([[{ key: null, value: null, timestamp: 1 }]], 1000), 'none');
  const withMagic = (magic: number) => {
    const bytes = Buffer.from(whole);
    bytes[16] = magic;
    return bytes;
  };
  assert.throws(() => read(withMagic(0)), { code: 'MR_LOG_RECORD_FORMAT' });
  assert.throws(() => read(withMagic(1)), { code: 'MR_LOG_RECORD_FORMAT' });
  assert.throws(() => read(withMagic(3)), { code: 'MR_LOG_CORRUPT' });
});

test('whatever a batch holds under a right checksum, it is read or refused', () => {
  const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(
      fc.array(anyKafkaRecord, { minLength: 1, maxLength: 10 }),
      fc.constantFrom<WrittenCompression>('none', 'lz4', 'zstd'),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.nat(20),
      (records, compression, changes, from) => {
        const [builder] = buildBatches([records], 1e6);
        const batch = atOffset(7, (builder as BatchBuilder).finish({ ...nobody, compression }));
        for (const { at: place, value } of changes) {
          batch[ATTRIBUTES + (place % (batch.length - ATTRIBUTES))] = value;
        }
        resealed(batch);
        try {
          all(read(batch, from));
        } catch (error) {
          assert.equal(errorCode(error), 'MR_LOG_CORRUPT', String(error));
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('random bytes behind a header end in a refusal', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(5),
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      (body, code, count) => {
        const builder = new BatchBuilder();
        builder.add(null, null, 1);
        const batch = Buffer.concat([atOffset(0, builder.finish(nobody)).subarray(0, HEADER_BYTES), body]);
        batch.writeInt32BE(batch.length - 12, 8);
        batch.writeInt16BE(code, ATTRIBUTES);
        batch.writeInt32BE(count - 1, LAST_OFFSET_DELTA);
        batch.writeInt32BE(count, COUNT);
        try {
          all(read(resealed(batch)));
        } catch (error) {
          assert.equal(errorCode(error), 'MR_LOG_CORRUPT', String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});
