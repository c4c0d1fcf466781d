import assert from 'node:assert/strict';
import test from 'node:test';
import { gapOf, normOf } from './reach.ts';

const NONE = Number.NEGATIVE_INFINITY;

test('a gap is the distance from the centroid at which a vector would be among the best', () => {
  const [query, centroid] = [Float32Array.of(3, 4), [1, 1]] as const;
  assert.equal(normOf(query), 5);
  // From (1, 1) two further along (3, 4) / 5 is (2.2, 2.6), whose product with the query is 17.
  assert.equal(gapOf('inner-product', 17, 7, 5), 2);
  // From (1, 1) to the query is the root of 13; a vector at a distance of 3 may lie .6 nearer.
  const distance = Math.hypot(3 - centroid[0], 4 - centroid[1]);
  assert.ok(Math.abs(gapOf('l2', -9, -(distance ** 2), 5) - (distance - 3)) < 1e-9);
});

test('while there are fewer than k, and for a query of zeros, no list is too far', () => {
  assert.deepEqual([gapOf('inner-product', NONE, 7, 5), gapOf('l2', NONE, -7, 5)], [NONE, NONE]);
  assert.equal(gapOf('inner-product', 0, 0, 0), NONE);
});
