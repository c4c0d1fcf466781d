import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { bitmapOf, inBitmap } from '../top-k.ts';
import { FlatIndex } from './flat-index.ts';

/** All scores in plain JavaScript, sorted by score, then id. */
function bruteForce(
  vectors: Float32Array,
  dim: number,
  query: Float32Array,
  k: number,
  exclude?: Uint8Array,
) {
  const all = Array.from({ length: vectors.length / dim }, (_, id) => {
    let score = 0;
    for (let d = 0; d < dim; d++) score += (vectors[id * dim + d] as number) * (query[d] as number);
    return { id, score };
  });
  return all
    .filter(({ id }) => exclude === undefined || !inBitmap(exclude, id))
    .sort((a, b) => b.score - a.score || a.id - b.id)
    .slice(0, k);
}

// Whole numbers, so that float sums are exact in any order and ties are frequent.
const coordinates = (length: number) =>
  fc.array(fc.integer({ min: -3, max: 3 }), { minLength: length, maxLength: length });
const problem = fc
  .record({ dim: fc.integer({ min: 1, max: 35 }), count: fc.integer({ min: 0, max: 40 }) })
  .chain(({ dim, count }) =>
    fc.record({
      dim: fc.constant(dim),
      vectors: coordinates(dim * count).map((values) => Float32Array.from(values)),
      query: coordinates(dim).map((values) => Float32Array.from(values)),
      k: fc.integer({ min: 0, max: 45 }),
      excluded: fc.option(fc.array(fc.integer({ min: 0, max: 45 })), { nil: undefined }),
    }),
  );

test('search is brute force: any dimension, count, k and exclusions, ties by id', () => {
  fc.assert(
    fc.property(problem, ({ dim, vectors, query, k, excluded }) => {
      const exclude = excluded && bitmapOf(excluded, 46);
      const found = FlatIndex.build(vectors, dim).search(query, k, exclude ? { exclude } : {});
      const expected = bruteForce(vectors, dim, query, k, exclude);
      assert.deepEqual(
        [...found.ids],
        expected.map(({ id }) => id),
      );
      assert.deepEqual(
        [...found.scores],
        expected.map(({ score }) => score),
      );
    }),
  );
});

test('search is brute force beyond one block of rows', () => {
  const random = seededRandom(1);
  const [dim, count] = [12, 9001];
  const vectors = Float32Array.from({ length: dim * count }, () => random.integer(9) - 4);
  const exclude = bitmapOf(
    Array.from({ length: 3000 }, () => random.integer(count)),
    count,
  );
  const built = FlatIndex.build(vectors, dim);
  assert.deepEqual([built.dim, built.count], [dim, count]);
  for (let i = 0; i < 20; i++) {
    const query = Float32Array.from({ length: dim }, () => random.integer(9) - 4);
    const expected = bruteForce(vectors, dim, query, 100, exclude).map(({ id }) => id);
    assert.deepEqual([...built.search(query, 100, { exclude }).ids], expected);
  }
  assert.deepEqual(built.vector(8999), vectors.slice(8999 * dim, 9000 * dim));
});

test('wrong dimensions and numbers that are not finite are refused', () => {
  assert.throws(() => FlatIndex.build(new Float32Array(7), 3), { code: 'MR_INDEX_DIMENSION' });
  assert.throws(() => FlatIndex.build(Float32Array.of(1, Number.NaN), 2), { code: 'MR_INDEX_VECTOR' });
  const index = FlatIndex.build(new Float32Array(6), 3);
  assert.throws(() => index.search(new Float32Array(2), 1), { code: 'MR_INDEX_DIMENSION' });
});
