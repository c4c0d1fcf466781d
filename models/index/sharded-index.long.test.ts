import assert from 'node:assert/strict';
import test from 'node:test';
import { countOf } from './checks.ts';
import { indexContract } from './contract.ts';
import { FlatIndex } from './flat-index.ts';
import { buildIvf } from './ivf/build.ts';
import type { Metric } from './port.ts';
import { ShardedIndex } from './sharded-index.ts';

/** Vectors dealt to three shards, one after another. */
function dealt(vectors: Float32Array, dim: number, metric: Metric): ShardedIndex {
  const shards = [0, 1, 2].map(() => FlatIndex.empty(dim, { metric }));
  for (let id = 0; id * dim < vectors.length; id++) {
    shards[id % 3]?.put(id, vectors.subarray(id * dim, (id + 1) * dim));
  }
  return new ShardedIndex(shards as [FlatIndex, ...FlatIndex[]]);
}

indexContract('shards', dealt, { recall: 1 });

// Half of the vectors in a shard by lists, the others in an exact one, but for one that is alone, beside one that has none.
indexContract(
  'shards of unequal size and kind',
  (vectors, dim, metric) => {
    const count = countOf(vectors, dim);
    const idsFrom = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i);
    const half = count >> 1;
    const last = Math.max(half, count - 1);
    const part = (from: number, to: number) => vectors.subarray(from * dim, to * dim);
    return new ShardedIndex([
      FlatIndex.empty(dim, { metric }),
      buildIvf(part(0, half), dim, { metric, ids: idsFrom(0, half) }),
      FlatIndex.build(part(half, last), dim, { metric, ids: idsFrom(half, last) }),
      FlatIndex.build(part(last, count), dim, { metric, ids: idsFrom(last, count) }),
    ]);
  },
  { recall: 0.98 },
);

test('new ids go to the smallest shard, known ones to where they are', () => {
  const shards = [[0, 1], [2], [3, 4, 5]].map((ids) =>
    FlatIndex.build(new Float32Array(ids.length), 1, { ids: Int32Array.from(ids) }),
  ) as [FlatIndex, FlatIndex, FlatIndex];
  const index = new ShardedIndex(shards);
  index.put(9, Float32Array.of(9));
  index.put(4, Float32Array.of(4));
  index.put(10, Float32Array.of(10));
  assert.deepEqual(
    shards.map(({ size }) => size),
    [3, 2, 3],
  );
  assert.deepEqual([...index.search(Float32Array.of(1), 3).ids], [10, 9, 4]);
  assert.equal(index.remove(9), true);
  assert.deepEqual([shards[1].size, index.size, index.vector(9)], [1, 7, undefined]);
});

test('shards of different kinds are refused', () => {
  const index = FlatIndex.empty(2);
  for (const other of [FlatIndex.empty(3), FlatIndex.empty(2, { metric: 'l2' })]) {
    assert.throws(() => new ShardedIndex([index, other]), { code: 'MR_INDEX_DIMENSION' });
  }
});
