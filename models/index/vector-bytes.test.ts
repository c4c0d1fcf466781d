import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vectorBytes, vectorOf } from './vector-bytes.ts';

test('a vector is its bytes wherever they lie; bytes that are no floats are refused', () => {
  const vector = Float32Array.of(1, -0, 1e-42);
  const shifted = new Uint8Array(13);
  shifted.set(vectorBytes(vector), 1);
  assert.deepEqual(vectorOf(shifted.subarray(1)), vector);
  assert.deepEqual(vectorOf(new Uint8Array()), new Float32Array());
  assert.throws(() => vectorOf(new Uint8Array(5)), { code: 'MR_INDEX_DIMENSION' });
});
