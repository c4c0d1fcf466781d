import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from '../random.ts';
import { indexContract } from './contract.ts';
import { FlatIndex } from './flat-index.ts';
import { plainPlatform } from './kernel/fallback.ts';
import { wasmPlatform } from './kernel/wasm.ts';

for (const platform of [wasmPlatform, plainPlatform]) {
  const name = `flat index (${platform.name})`;
  indexContract(name, (vectors, dim, metric) => FlatIndex.build(vectors, dim, { metric, platform }), {
    recall: 1,
  });
}

test('WebAssembly and JavaScript find the same, to the last bit of the scores', () => {
  const random = seededRandom(5);
  const [count, dim] = [3000, 21];
  const vectors = Float32Array.from({ length: count * dim }, () => random.normal());
  for (const metric of ['inner-product', 'l2'] as const) {
    const [fast, plain] = [wasmPlatform, plainPlatform].map((platform) =>
      FlatIndex.build(vectors, dim, { metric, platform }),
    ) as [FlatIndex, FlatIndex];
    for (let i = 0; i < 10; i++) {
      const query = Float32Array.from({ length: dim }, () => random.normal());
      assert.deepEqual(fast.search(query, 50), plain.search(query, 50));
    }
  }
});

test('an index is the same after toParts and fromParts', () => {
  const random = seededRandom(6);
  const vectors = Float32Array.from({ length: 500 * 6 }, () => random.normal());
  const query = vectors.slice(0, 6);
  const built = FlatIndex.build(vectors, 6);
  built.remove(3);
  built.put(1_000_000, vectors.slice(600, 606));
  const parts = built.toParts();
  assert.deepEqual([...parts.listSizes, parts.centroids.length], [500, 0]);
  assert.deepEqual(FlatIndex.fromParts(parts).search(query, 40), built.search(query, 40));
});

test('ids that are there twice, or are not ids, are refused', () => {
  const build = (...ids: number[]) => FlatIndex.build(new Float32Array(4), 2, { ids: Int32Array.from(ids) });
  for (const wrong of [[5, 5], [-1, 0], [1], [1, 2, 3]]) {
    assert.throws(() => build(...wrong), { code: 'MR_INDEX_ID' });
  }
  assert.equal(build(7, 5).size, 2);
});
