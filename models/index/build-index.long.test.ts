import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from '../random.ts';
import { buildIndex } from './build-index.ts';
import { FlatIndex } from './flat-index.ts';
import { IvfIndex } from './ivf/ivf-index.ts';
import { clusteredVectors } from './testing/clustered-vectors.ts';

test('few vectors are searched exactly, many by lists, and many without clusters exactly', () => {
  const [count, dim] = [4000, 16];
  const clustered = clusteredVectors(count, dim, { clusters: 60, seed: 1 });
  const random = seededRandom(2);
  const spread = Float32Array.from(clustered, () => random.normal());
  assert.ok(buildIndex(clustered, dim) instanceof FlatIndex);
  assert.ok(buildIndex(clustered, dim, { largestFlat: count }) instanceof FlatIndex);
  assert.ok(buildIndex(clustered, dim, { largestFlat: count - 1 }) instanceof IvfIndex);
  assert.ok(buildIndex(spread, dim, { largestFlat: count - 1 }) instanceof FlatIndex);
});

test('metric and ids are the requested ones, whatever is built', () => {
  const clustered = clusteredVectors(1000, 8, { clusters: 20, seed: 1 });
  const ids = Int32Array.from({ length: 1000 }, (_, i) => 5000 - i);
  for (const largestFlat of [10, 2000]) {
    const index = buildIndex(clustered, 8, { metric: 'l2', ids, largestFlat });
    assert.equal(index.metric, 'l2');
    const { ids: found, scores } = index.search(clustered.slice(0, 8), 1);
    assert.deepEqual([...found, ...scores], [5000, 0]);
    assert.throws(() => buildIndex(clustered, 8, { ids: ids.fill(1), largestFlat }), { code: 'MR_INDEX_ID' });
    for (const i of ids.keys()) ids[i] = 5000 - i;
  }
});
