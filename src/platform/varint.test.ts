import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  readUnsigned,
  readVarint,
  readVarlong,
  unsignedBytes,
  varintBytes,
  varintEnd,
  varlongBytes,
  writeUnsigned,
  writeVarint,
  writeVarlong,
} from './varint.ts';

const edges = [0, 1, -1, 63, 64, -64, -65, 2 ** 27, -(2 ** 27), 2 ** 31 - 1, -(2 ** 31)];
const wideEdges = [2 ** 31, -(2 ** 31) - 1, 2 ** 48, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];

test('numbers of 32 bits are read as they were written, in as many bytes as foretold', () => {
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...edges), fc.integer()), (value) => {
      const bytes = Buffer.alloc(12, 0xff);
      assert.equal(writeVarint(bytes, 1, value), 1 + varintBytes(value));
      assert.equal(readVarint(bytes, 1), value);
      assert.equal(varintEnd, 1 + varintBytes(value));
      assert.equal(readVarlong(bytes, 1), value);
      assert.equal(varintEnd, 1 + varintBytes(value));
    }),
  );
});

test('numbers up to 2^53 are read as they were written, as protocol buffers write them', () => {
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...edges, ...wideEdges), fc.maxSafeInteger()), (value) => {
      const bytes = Buffer.alloc(12, 0xff);
      const end = writeVarlong(bytes, 1, value);
      assert.equal(end, 1 + varlongBytes(value));
      assert.equal(readVarlong(bytes, 1), value);
      assert.equal(varintEnd, end);
      const zigzag = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value);
      const written = bytes
        .subarray(1, end)
        .reduce((sum, byte, i) => sum | (BigInt(byte & 0x7f) << BigInt(7 * i)), 0n);
      assert.equal(written, zigzag);
    }),
  );
});

test('what is longer than a number can be is told from every number', () => {
  const endless = Buffer.alloc(20, 0xff);
  assert.ok(readVarint(endless, 0) < -1);
  assert.ok(Number.isNaN(readVarlong(endless, 0)));
});

test('numbers without a sign are read as they were written', () => {
  fc.assert(
    fc.property(fc.oneof(fc.nat(300), fc.maxSafeNat(), fc.nat()), (value) => {
      const bytes = Buffer.alloc(12, 0xff);
      const end = writeUnsigned(bytes, 1, value);
      assert.equal(readUnsigned(bytes, 1), value);
      assert.equal(varintEnd, end);
      if (value < 2 ** 32) assert.equal(end, 1 + unsignedBytes(value));
    }),
  );
});

test('numbers without a sign are read', () => {
  assert.equal(readUnsigned(Buffer.from([0x05]), 0), 5);
  assert.equal(readUnsigned(Buffer.from([0, 0xac, 0x02]), 1), 300);
  assert.equal(varintEnd, 3);
  assert.equal(
    readUnsigned(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), 0),
    Number.MAX_SAFE_INTEGER,
  );
});
