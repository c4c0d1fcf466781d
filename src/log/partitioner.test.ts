import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { murmur2, partitionFor } from './partitioner.ts';

test('murmur2 gives the values of the Java client (UtilsTest.testMurmur2)', () => {
  const vectors: readonly [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [text, hash] of vectors) assert.equal(murmur2(Buffer.from(text)), hash, text);
});

test('a negative hash is made positive by its sign bit, as the Java client does, not by its absolute value', () => {
  assert.equal(partitionFor(Buffer.from('foobar'), 7), (-790332482 & 0x7fffffff) % 7);
  assert.notEqual(partitionFor(Buffer.from('foobar'), 7), 790332482 % 7);
});

test('a text has the partition of its UTF-8 bytes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.integer({ min: 1, max: 100 }),
      (text, partitions) => {
        assert.equal(partitionFor(text, partitions), partitionFor(Buffer.from(text), partitions));
      },
    ),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 40 }), (text) => {
      assert.equal(partitionFor(text, 1 << 20), partitionFor(Buffer.from(text), 1 << 20));
    }),
  );
});

test('every key has one partition within range', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 100 }), (bytes, partitions) => {
      const key = Buffer.from(bytes);
      const partition = partitionFor(key, partitions);
      assert.ok(Number.isInteger(partition) && partition >= 0 && partition < partitions);
      assert.equal(partitionFor(Buffer.from(key), partitions), partition);
    }),
  );
});
