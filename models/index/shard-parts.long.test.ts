import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from '../random.ts';
import { bitmapOf } from '../top-k.ts';
import { buildIndex } from './build-index.ts';
import { indexContract } from './contract.ts';
import { readIndex, saveIndex } from './files/index-file.ts';
import { FlatIndex } from './flat-index.ts';
import { IvfIndex } from './ivf/ivf-index.ts';
import { openIndex } from './open-index.ts';
import type { IndexParts } from './parts.ts';
import { joinParts } from './shard-parts.ts';
import { ShardedIndex } from './sharded-index.ts';
import { clusteredVectors } from './testing/clustered-vectors.ts';

const LARGEST = 4000;
const DIM = 16;
const vectorsOf = (count: number) => clusteredVectors(count, DIM, { clusters: 60, seed: 1 });

for (const [kind, largestFlat] of [
  ['lists', 0],
  ['exact search', 100_000],
] as const) {
  indexContract(
    `shards of a file, ${kind}`,
    (vectors, dim, metric) => {
      const options = { largestShard: 50, largestFlat: Math.max(largestFlat, 60) };
      const built = buildIndex(vectors, dim, { metric, ...options });
      return openIndex(saveIndex(built.toParts()), options);
    },
    { recall: 0.98 },
  );

  test(`an index is cut above the largest shard, not at it, and is the same from its file: ${kind}`, () => {
    for (const [count, isCut] of [
      [LARGEST, false],
      [LARGEST + 1, true],
      [3 * LARGEST, true],
    ] as const) {
      const vectors = vectorsOf(count);
      const ids = Int32Array.from({ length: count }, (_, i) => 7 * (count - i));
      const options = { ids, largestFlat, largestShard: LARGEST };
      const built = buildIndex(vectors, DIM, options);
      assert.equal(built instanceof ShardedIndex, isCut, `${count}`);
      const file = saveIndex(built.toParts());
      const opened = openIndex(file, { largestShard: LARGEST });
      assert.equal(opened instanceof ShardedIndex, isCut, `${count}`);
      assert.equal(opened.size, count);
      for (let i = 0; i < 30; i++) {
        const query = vectors.subarray(i * DIM, (i + 1) * DIM);
        assert.deepEqual(opened.search(query, 20), built.search(query, 20));
      }
      if (count >= 3 * LARGEST) assert.equal(readIndex(file).centroids.length > 0, kind === 'lists');
      assert.deepEqual(readIndex(file).ids.toSorted(), ids.toSorted());
    }
  });
}

test('joined lists are an index of their own: as many lists as all shards look through, and their recall', () => {
  const parts = buildIndex(vectorsOf(3 * LARGEST), DIM, { largestFlat: 0, largestShard: LARGEST }).toParts();
  const { nprobe, curve, shards = [] } = parts.calibration ?? assert.fail('it was calibrated');
  assert.equal(shards.length, 3);
  assert.equal(
    nprobe,
    shards.reduce((sum, { calibration }) => sum + calibration.nprobe, 0),
  );
  assert.deepEqual(
    curve.map((point) => point.nprobe),
    [nprobe],
  );
  assert.ok((curve[0]?.recall as number) >= 0.99 && (curve[0]?.recall as number) <= 1);
  assert.equal(IvfIndex.fromParts(parts).size, 3 * LARGEST);
});

test('joined recall is that of each shard, weighed by its vectors', () => {
  const shard = (size: number, from: number, recall: number): IndexParts => ({
    dim: 1,
    metric: 'l2',
    centroids: new Float32Array(1),
    listSizes: Int32Array.of(size),
    ids: Int32Array.from({ length: size }, (_, i) => from + i),
    vectors: new Float32Array(size),
    calibration: { nprobe: 1, target: recall, at: 100, curve: [{ nprobe: 1, recall }] },
  });
  const { calibration } = joinParts([shard(30, 0, 0.9), shard(10, 30, 0.5)]);
  assert.ok(Math.abs((calibration?.curve[0]?.recall as number) - 0.8) < 1e-12);
  assert.equal(calibration?.target, 0.5);
});

test('shards find what brute force finds after random changes and filters', () => {
  const seed = 11;
  const random = seededRandom(seed);
  const vectors = vectorsOf(2 * LARGEST + 1);
  const built = buildIndex(vectors, DIM, { largestShard: LARGEST, largestFlat: 100_000 });
  const index = openIndex(saveIndex(built.toParts()), { largestShard: LARGEST });
  const exact = FlatIndex.build(vectors, DIM);
  for (let step = 0; step < 2000; step++) {
    const id = random.integer(3 * LARGEST);
    if (random.uniform() < 0.5)
      assert.equal(index.remove(id), exact.remove(id), `seed ${seed}, step ${step}`);
    else {
      const from = random.integer(LARGEST) * DIM;
      const vector = vectors.subarray(from, from + DIM);
      index.put(id, vector);
      exact.put(id, vector);
    }
    if (step % 50 > 0) continue;
    const ids = Array.from({ length: 3 * LARGEST }, (_, each) => each);
    const exclude = bitmapOf(
      ids.filter(() => random.uniform() < 0.5),
      3 * LARGEST,
    );
    const query = vectors.subarray(0, DIM);
    assert.deepEqual(
      index.search(query, 50, { exclude }),
      exact.search(query, 50, { exclude }),
      `step ${step}`,
    );
  }
});

test('shards are closed together', async () => {
  const closed: number[] = [];
  const shards = [0, 1].map((i) =>
    Object.assign(FlatIndex.empty(DIM), { close: async () => void closed.push(i) }),
  ) as unknown as [FlatIndex, FlatIndex];
  await new ShardedIndex(shards).close();
  assert.deepEqual(closed, [0, 1]);
});
