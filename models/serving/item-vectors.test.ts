import assert from 'node:assert/strict';
import test from 'node:test';
import { readItemVectors, saveItemVectors } from './item-vectors.ts';

const vectors = Float32Array.of(1, 2, 3, -0.5, 0, 0.25);
/** Two vectors of three numbers, as versions had them at first. */
const first = Buffer.from(
  '4d52464c4154303103000000020000000000803f0000004000004040000000bf000000000000803e',
  'hex',
);

test('item vectors are read as written', () => {
  assert.deepEqual(readItemVectors(saveItemVectors(vectors, 3)), { dim: 3, vectors });
});

test('those of versions in the first format are read, from any address', () => {
  for (const shift of [0, 1]) {
    const bytes = Buffer.concat([Buffer.alloc(shift), first]).subarray(shift);
    assert.deepEqual(readItemVectors(bytes), { dim: 3, vectors });
  }
});

test('a truncated, a longer and an alien file are refused', () => {
  const corrupt = { code: 'MR_INDEX_CORRUPT' };
  for (const bytes of [first, saveItemVectors(vectors, 3)]) {
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => readItemVectors(bytes.subarray(0, length)), corrupt);
    }
    assert.throws(() => readItemVectors(Buffer.concat([bytes, Buffer.of(0)])), corrupt);
  }
  assert.throws(() => readItemVectors(new Uint8Array(100)), corrupt);
});

test('numbers that are no vectors are refused', () => {
  assert.throws(() => saveItemVectors(vectors, 4), { code: 'MR_INDEX_DIMENSION' });
  assert.throws(() => saveItemVectors(Float32Array.of(1, Number.NaN), 2), { code: 'MR_INDEX_VECTOR' });
});
