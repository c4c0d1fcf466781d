import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { errorCode } from '#platform';
import { RecordBuffer } from '../../record-buffer.ts';
import { all } from '../../testing/records.ts';
import { BatchBuilder, buildBatches } from './batch-builder.ts';
import type { WrittenCompression } from './compression.ts';
import { anyKafkaRecord, atOffset, encoded, nobody, read } from './testing/stored-batches.ts';

test('what is encoded is read back, from objects and from a buffer, whatever the split and the compression', () => {
  fc.assert(
    fc.property(
      fc.array(anyKafkaRecord, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 3000 }),
      fc.constantFrom<WrittenCompression>('none', 'lz4', 'zstd'),
      (records, maxBytes, compression) => {
        const expected = records.map((r, i) => ({ offset: 7 + i, record: r }));
        const builders = buildBatches([records], maxBytes);
        for (const { count, byteLength } of builders) assert.ok(count === 1 || byteLength <= maxBytes);
        assert.deepEqual(all(read(encoded(builders, compression))), expected);
        const stored = buildBatches(
          [
            RecordBuffer.of(records.slice(0, 5)),
            records.slice(5, 6),
            RecordBuffer.of(records.slice(6), 1000),
          ],
          maxBytes,
        );
        for (const { count, byteLength } of stored) assert.ok(count === 1 || byteLength <= maxBytes);
        assert.deepEqual(all(read(encoded(stored, compression))), expected);
      },
    ),
  );
});

test('finishing again changes the ids and nothing else', () => {
  const builder = new BatchBuilder();
  builder.add(Buffer.from('k'), Buffer.from('v'), 10);
  const first = Buffer.from(builder.finish({ ...nobody, producerId: 2 ** 40 + 5, epoch: 3, sequence: 9 }));
  builder.finish({
    ...nobody,
    producerId: 4,
    epoch: 1,
    sequence: 0,
    isTransactional: true,
    compression: 'zstd',
  });
  assert.deepEqual(builder.finish({ ...nobody, producerId: 2 ** 40 + 5, epoch: 3, sequence: 9 }), first);
});

test('what was released serves the next large batches, and not those that are still open', () => {
  const large = (fill: string) =>
    buildBatches([[{ key: Buffer.from('k'), value: Buffer.alloc(100_000, fill), timestamp: 1 }]], 200_000)[0];
  const memory = (batch: BatchBuilder | undefined) => batch?.finish(nobody).buffer;
  const [first, second] = [large('1'), large('2')];
  const used = memory(first);
  const kept = Buffer.from(second?.finish(nobody) ?? []);
  first?.release();
  const [third, fourth] = [large('3'), large('4')];
  assert.equal(memory(third), used);
  assert.notEqual(memory(fourth), used);
  assert.deepEqual(second?.finish(nobody), kept);
  const values = [third, fourth].map((each) =>
    read(atOffset(0, each?.finish(nobody) as Buffer))[0]?.value(0),
  );
  assert.deepEqual(values, [Buffer.alloc(100_000, '3'), Buffer.alloc(100_000, '4')]);
});

test('only whole numbers from 0 on are timestamps', () => {
  for (const timestamp of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    const refused = (error: unknown) => errorCode(error) === 'MR_LOG_INVALID_RECORD';
    assert.throws(() => new BatchBuilder().add(null, null, timestamp), refused);
  }
  const fractional = RecordBuffer.of([{ key: null, value: null, timestamp: 0.5 }]);
  assert.throws(() => buildBatches([fractional], 1000), { code: 'MR_LOG_INVALID_RECORD' });
});
