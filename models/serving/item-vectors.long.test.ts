import assert from 'node:assert/strict';
import test from 'node:test';
import { openIndex } from '../index/open-index.ts';
import { clusteredVectors } from '../index/testing/clustered-vectors.ts';
import { seededRandom } from '../random.ts';
import { indexItemVectors, readItemVectors, saveItemVectors } from './item-vectors.ts';

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

test('many items are indexed in lists, and their vectors are read in the order of the items', () => {
  const [items, dim] = [50_001, 2];
  const many = Float32Array.from({ length: items * dim }, (_, i) => Math.sin(i));
  const { file, calibration } = indexItemVectors(many, dim);
  assert.ok(calibration !== undefined && calibration.nprobe > 0);
  assert.deepEqual(readItemVectors(file), { dim, vectors: many });
  const index = openIndex(file);
  assert.equal(index.size, items);
  assert.deepEqual(index.vector(40_000), many.slice(80_000, 80_002));
  const few = indexItemVectors(many.subarray(0, 20_000 * dim), dim);
  assert.equal(few.calibration, undefined);
});

test('numbers that are no vectors are refused', () => {
  assert.throws(() => saveItemVectors(vectors, 4), { code: 'MR_INDEX_DIMENSION' });
  assert.throws(() => saveItemVectors(Float32Array.of(1, Number.NaN), 2), { code: 'MR_INDEX_VECTOR' });
});

test('an index is calibrated by what it will be asked for, where that is known', () => {
  const [count, dim] = [21_000, 8];
  const items = clusteredVectors(count, dim, { clusters: 500, seed: 1 });
  const random = seededRandom(2);
  const users = Float32Array.from({ length: 200 * dim }, () => random.normal());
  const [byItems, byUsers] = [undefined, users].map(
    (queries) => indexItemVectors(items, dim, queries).calibration,
  );
  assert.ok(byItems !== undefined && byUsers !== undefined);
  assert.ok(byUsers.nprobe > byItems.nprobe, `${byUsers.nprobe} is not above ${byItems.nprobe}`);
});
