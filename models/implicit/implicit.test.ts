import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { fitEase } from './ease.ts';
import { fitIals } from './ials.ts';
import { InteractionMatrix } from './interaction-matrix.ts';
import { fitItemKnn } from './item-knn.ts';
import { fitPopularity, sameForAll } from './popularity.ts';
import type { FittedRecommender } from './port.ts';

type Pair = readonly [user: number, item: number];

function matrixOf(pairs: readonly Pair[], users: number, items: number): InteractionMatrix {
  const columns = {
    user: Int32Array.from(pairs, ([user]) => user),
    item: Int32Array.from(pairs, ([, item]) => item),
  };
  return InteractionMatrix.fromPairs(columns, users, items);
}

const [USERS, ITEMS] = [7, 6];
const anyPairs = fc.array(fc.tuple(fc.nat(USERS - 1), fc.nat(ITEMS - 1)), { maxLength: 40 });
const rowsOf = (matrix: InteractionMatrix) =>
  Array.from({ length: matrix.users }, (_, user) => [...matrix.itemsOf(user)]);
const everyItem = Array.from({ length: ITEMS }, (_, item) => item);

test('the matrix holds each pair once, in order; its transpose holds them the other way round', () => {
  fc.assert(
    fc.property(anyPairs, (pairs) => {
      const matrix = matrixOf(pairs, USERS, ITEMS);
      const had = (user: number, item: number) => pairs.some(([u, i]) => u === user && i === item);
      const expected = Array.from({ length: USERS }, (_, user) =>
        everyItem.filter((item) => had(user, item)),
      );
      assert.deepEqual(rowsOf(matrix), expected);
      assert.equal(matrix.size, expected.flat().length);
      const byItem = matrix.transposed();
      assert.deepEqual([byItem.users, byItem.items], [ITEMS, USERS]);
      assert.deepEqual(rowsOf(byItem.transposed()), expected);
      assert.deepEqual(
        [...matrix.itemCounts()],
        rowsOf(byItem).map(({ length }) => length),
      );
    }),
  );
});

test('pairs outside of the matrix are refused, and columns of different length', () => {
  for (const pair of [
    [2, 0],
    [-1, 0],
    [0, 3],
    [0, -1],
  ] as const) {
    assert.throws(() => matrixOf([[0, 0], pair], 2, 3), { code: 'MR_MODEL_DATA' });
  }
  const uneven = { user: Int32Array.of(0, 1), item: Int32Array.of(0) };
  assert.throws(() => InteractionMatrix.fromPairs(uneven, 2, 3), { code: 'MR_MODEL_DATA' });
});

const models: Readonly<Record<string, (matrix: InteractionMatrix) => FittedRecommender>> = {
  popularity: fitPopularity,
  'item-knn': (matrix) => fitItemKnn(matrix, { neighbours: 12, shrinkage: 1 }),
  ease: (matrix) => fitEase(matrix, { regularisation: 1 }),
  ials: (matrix) => fitIals(matrix, { dimension: 5, epochs: 3, blockSize: 2, regularisation: 0.1 }),
};

for (const [name, fit] of Object.entries(models)) {
  test(`${name}: candidates get the scores that they get among all, and equal fits are equal to the byte`, () => {
    const candidates = fc.array(fc.nat(ITEMS - 1), { maxLength: 9 }).map((items) => Int32Array.from(items));
    const history = fc.uniqueArray(fc.nat(ITEMS - 1)).map((items) => Int32Array.from(items));
    fc.assert(
      fc.property(anyPairs, history, candidates, (pairs, had, some) => {
        const matrix = matrixOf(pairs, USERS, ITEMS);
        const model = fit(matrix);
        const all = model.scores(had);
        assert.equal(model.items, ITEMS);
        assert.ok(all.length === ITEMS && all.every(Number.isFinite));
        assert.deepEqual(
          model.scores(had, some),
          Float32Array.from(some, (item) => all[item] as number),
        );
        assert.deepEqual(fit(matrixOf(pairs.toReversed(), USERS, ITEMS)).scores(had), all);
      }),
      { numRuns: 50 },
    );
  });

  test(`${name}: who had half of a group's items is offered the other half first`, {
    skip: name === 'popularity',
  }, () => {
    const random = seededRandom(3);
    const pairs: Pair[] = [];
    // Even users take even items, odd ones odd items, and now and then anything.
    for (let user = 0; user < 200; user++) {
      for (let i = 0; i < 8; i++) pairs.push([user, 2 * random.integer(10) + (user % 2)]);
      pairs.push([user, random.integer(20)]);
    }
    const scores = fit(matrixOf(pairs, 200, 20)).scores(Int32Array.of(1, 3, 5, 7));
    const rest = [9, 11, 13, 15, 17, 19].map((item) => scores[item] as number);
    const others = scores.filter((_, item) => item % 2 === 0);
    assert.ok(Math.min(...rest) > Math.max(...others), `${rest} against ${others}`);
  });
}

test('popularity counts users; given scores are the same for all', () => {
  const matrix = matrixOf(
    [
      [0, 1],
      [1, 1],
      [1, 1],
      [2, 0],
    ],
    3,
    3,
  );
  assert.deepEqual(fitPopularity(matrix).scores(Int32Array.of(1)), Float32Array.of(1, 2, 0));
  assert.deepEqual(
    sameForAll([0.5, 2]).scores(Int32Array.of(), Int32Array.of(1, 0)),
    Float32Array.of(2, 0.5),
  );
});

test('item-knn worked out by hand', () => {
  // Users 0 and 1 have the items 0 and 1, user 2 has 1 and 2, user 3 has 2.
  const matrix = matrixOf(
    [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [2, 1],
      [2, 2],
      [3, 2],
    ],
    4,
    4,
  );
  const [s01, s12] = [2, 1].map((common) => Math.fround(common / (Math.sqrt(2 * 3) + 1))) as [number, number];
  const both = fitItemKnn(matrix, { neighbours: 2, shrinkage: 1 });
  assert.deepEqual(both.scores(Int32Array.of(1)), Float32Array.of(s01, 0, s12, 0));
  assert.deepEqual(both.scores(Int32Array.of(2, 0)), Float32Array.of(0, s12 + s01, 0, 0));
  // With one neighbour each, item 1 listens to item 0 only.
  const nearest = fitItemKnn(matrix, { neighbours: 1, shrinkage: 1 });
  assert.deepEqual(nearest.scores(Int32Array.of(2)), Float32Array.of(0, 0, 0, 0));
  assert.deepEqual(nearest.scores(Int32Array.of(1)), Float32Array.of(s01, 0, s12, 0));
});

test('EASE: at its weights the squared error of each item, regularised, has no slope, and none explains itself', () => {
  fc.assert(
    fc.property(anyPairs, fc.constantFrom(0.5, 3, 40), (pairs, regularisation) => {
      const matrix = matrixOf(pairs, USERS, ITEMS);
      const model = fitEase(matrix, { regularisation });
      const weights = everyItem.map((item) => model.scores(Int32Array.of(item)));
      const x = rowsOf(matrix).map((row) => everyItem.map((item) => Number(row.includes(item))));
      for (const j of everyItem) {
        assert.equal(weights[j]?.[j], 0);
        const errors = x.map(
          (row) =>
            row.reduce((sum, had, i) => sum + had * (weights[i]?.[j] as number), 0) - (row[j] as number),
        );
        for (const i of everyItem.filter((item) => item !== j)) {
          const slope = errors.reduce((sum, error, user) => sum + error * (x[user]?.[i] as number), 0);
          assert.ok(Math.abs(slope + regularisation * (weights[i]?.[j] as number)) < 1e-5);
        }
      }
    }),
  );
});

test('options out of their range are refused', () => {
  const matrix = matrixOf([[0, 0]], 1, 1);
  const refused = { code: 'MR_MODEL_CONFIG' };
  assert.throws(() => fitItemKnn(matrix, { neighbours: 0 }), refused);
  assert.throws(() => fitItemKnn(matrix, { shrinkage: -1 }), refused);
  assert.throws(() => fitEase(matrix, { regularisation: 0 }), refused);
  for (const options of [
    { dimension: 1.5 },
    { epochs: 0 },
    { regularisation: 0 },
    { unobservedWeight: -1 },
    { seed: 0.5 },
  ]) {
    assert.throws(() => fitIals(matrix, options), refused);
  }
  // Two items that the same users had are one column twice.
  assert.throws(
    () =>
      fitEase(
        matrixOf(
          [
            [0, 0],
            [0, 1],
          ],
          1,
          2,
        ),
        { regularisation: 1e-17 },
      ),
    refused,
  );
});
