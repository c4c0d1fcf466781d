import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmur3, Words128 } from './murmur3.ts';

/** As the reference implementation writes it. */
function hashOf(bytes: Buffer, seed: number): Buffer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { first, second, third, fourth } = murmur3(view, bytes.length, seed, new Words128());
  const hash = Buffer.alloc(16);
  for (const [i, word] of [first, second, third, fourth].entries()) hash.writeInt32LE(word, 4 * i);
  return hash;
}

test('is MurmurHash3_x86_128: the verification value of its author’s test suite (SMHasher)', () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const hashes = Array.from({ length: 256 }, (_, length) => hashOf(all.subarray(0, length), 256 - length));
  assert.equal(hashOf(Buffer.concat(hashes), 0).readUInt32LE(), 0xb3ece62a);
});

test('takes what it is given for its length alone', () => {
  const bytes = Buffer.from('seventeen bytes..and more');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = murmur3(view, 17, 0, new Words128());
  const own = Buffer.from(bytes.subarray(0, 17));
  const alone = new DataView(own.buffer, own.byteOffset, own.length);
  assert.deepEqual(words, murmur3(alone, 17, 0, new Words128()));
});
