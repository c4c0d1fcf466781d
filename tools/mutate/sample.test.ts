import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sampleOf, sharesOf } from './sample.ts';

const hundred = Array.from({ length: 100 }, (_, index) => index);

it('a sample has as many as wanted, in their order, none twice, and is the same for one seed', () => {
  const sample = sampleOf(hundred, 10, 7);
  assert.equal(new Set(sample).size, 10);
  assert.deepEqual(
    sample,
    sample.toSorted((a, b) => a - b),
  );
  assert.deepEqual(sampleOf(hundred, 10, 7), sample);
  assert.notDeepEqual(sampleOf(hundred, 10, 8), sample);
  assert.deepEqual(sampleOf([1, 2, 3], 10, 7), [1, 2, 3]);
});

it('each item is drawn about as often as any other', () => {
  const counts = new Map<number, number>();
  for (let seed = 1; seed <= 3000; seed++) {
    for (const item of sampleOf(hundred, 10, seed)) counts.set(item, (counts.get(item) ?? 0) + 1);
  }
  const drawn = hundred.map((item) => counts.get(item) ?? 0);
  // 300 expected, with a standard deviation of 16.
  assert.ok(Math.min(...drawn) > 220 && Math.max(...drawn) < 380, drawn.join(' '));
});

it('shares are by size and make up the whole', () => {
  assert.deepEqual(sharesOf([600, 300, 100], 10), [6, 3, 1]);
  assert.deepEqual(sharesOf([1, 1, 1], 2), [1, 1, 0]);
  assert.deepEqual(sharesOf([2, 3], 10), [2, 3]);
});
