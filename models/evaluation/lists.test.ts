import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { coverage, diversity, exposureGini, novelty, popularityLift, shownPopularity } from './lists.ts';

const counts = [8, 4, 1, 0];

test('coverage, novelty and popularity by hand', () => {
  const lists = [[0, 1], [0, 2], []];
  assert.equal(coverage(lists, 4), 3 / 4);
  // Bits of 8, 4 and 1 users of 8: 0, 1 and 3.
  assert.equal(novelty(lists, counts, 8), ((0 + 1) / 2 + (0 + 3) / 2) / 2);
  assert.equal(novelty([[3]], counts, 8), 3, 'an item that nobody had counts as had once');
  assert.equal(shownPopularity(lists, counts), ((8 + 4) / 2 + (8 + 1) / 2) / 2);
  assert.equal(popularityLift([[0]], [[1]], counts), 1);
  assert.equal(popularityLift([[1]], [[0]], counts), -0.5);
});

test('the Gini coefficient: 0 of equal shares, 1 - 1/n where one item takes all, by pairs in between', () => {
  assert.equal(
    exposureGini(
      [
        [0, 1],
        [2, 3],
      ],
      4,
    ),
    0,
  );
  assert.equal(exposureGini([[2], [2], [2]], 4), 1 - 1 / 4);
  assert.equal(exposureGini([[]], 4), 0);
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(5), { minLength: 1 }), { minLength: 1 }), (lists) => {
      const shown = [0, 1, 2, 3, 4, 5].map((item) => lists.flat().filter((each) => each === item).length);
      const differences = shown.flatMap((a) => shown.map((b) => Math.abs(a - b)));
      const expected = differences.reduce((sum, each) => sum + each, 0) / (2 * 6 * lists.flat().length);
      assert.ok(Math.abs(exposureGini(lists, 6) - expected) < 1e-12);
    }),
  );
});

test('diversity is the mean dissimilarity of the pairs of a list, over lists that have pairs', () => {
  const sameParity = (a: number, b: number) => (a % 2 === b % 2 ? 1 : 0);
  assert.equal(diversity([[0, 2, 4]], sameParity), 0);
  assert.equal(diversity([[0, 1]], sameParity), 1);
  assert.equal(diversity([[0, 1, 2], [4, 6], [5], []], sameParity), (2 / 3 + 0) / 2);
});
