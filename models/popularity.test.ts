import assert from 'node:assert/strict';
import test from 'node:test';
import { allTimePopularity, decayedPopularity, popularityRanker, tuneHalfLifeMs } from './popularity.ts';
import { seededRandom } from './random.ts';
import { bitmapOf } from './top-k.ts';

const DAY_MS = 86_400_000;

test('all-time popularity counts, and ranks without the excluded, ties by id', () => {
  const events = { item: Int32Array.of(2, 2, 1, 3, 2), timestamp: new Float64Array(5) };
  const scores = allTimePopularity(events, 5);
  assert.deepEqual(scores, Float64Array.of(0, 1, 3, 1, 0));
  const rank = popularityRanker(scores);
  assert.deepEqual([...Array.from(rank(1, 3, bitmapOf([], 5)))], [2, 1, 3]);
  assert.deepEqual([...Array.from(rank(1, 3, bitmapOf([2, 3], 5)))], [1, 0, 4]);
});

test('a half-life halves, and what comes after the moment is left out', () => {
  const events = {
    item: Int32Array.of(0, 1, 2),
    timestamp: Float64Array.of(8 * DAY_MS, 10 * DAY_MS, 10 * DAY_MS + 1),
  };
  const scores = decayedPopularity(events, 3, { halfLifeMs: DAY_MS, asOfMs: 10 * DAY_MS });
  assert.deepEqual(scores, Float64Array.of(0.25, 1, 0));
});

/** Events over 200 days, whose item is drawn among the ten that `first` gives for the day. */
function world(first: (day: number) => number) {
  const random = seededRandom(6);
  const item: number[] = [];
  const timestamp: number[] = [];
  for (let i = 0; i < 8000; i++) {
    const day = i / 40;
    item.push(first(day) + random.integer(10));
    timestamp.push(day * DAY_MS);
  }
  return { item: Int32Array.from(item), timestamp: Float64Array.from(timestamp) };
}

test('the tuned half-life is short where fashions change, long where they do not', () => {
  assert.equal(
    tuneHalfLifeMs(
      world(() => 0),
      300,
    ),
    365 * DAY_MS,
  );
  const fast = tuneHalfLifeMs(
    world((day) => Math.floor(day)),
    300,
  );
  assert.ok(fast <= 14 * DAY_MS, `${fast / DAY_MS} days`);
});
