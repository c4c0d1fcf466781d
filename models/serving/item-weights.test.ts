import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeCheckpoint } from '../checkpoint.ts';
import { bitmapOf } from '../top-k.ts';
import { ItemWeights } from './item-weights.ts';

/** By item scored, the items that count for it. Nothing counts for item 3. */
const rows = [
  { ids: Int32Array.of(1, 2), scores: Float32Array.of(0.5, 0.25) },
  { ids: Int32Array.of(0), scores: Float32Array.of(1) },
  { ids: Int32Array.of(0, 1), scores: Float32Array.of(-0.5, 0.125) },
  { ids: new Int32Array(), scores: new Float32Array() },
];
const none = bitmapOf([], 4);

test('scores are sums of weights over the newest of a history, each item once, also after a way over the disk', () => {
  for (const historyLength of [undefined, 2] as const) {
    const weights = ItemWeights.of(rows, historyLength);
    for (const each of [weights, ItemWeights.parse(weights.save())]) {
      assert.equal(each.items, 4);
      assert.deepEqual(each.scores([1, 1, 2]), Float32Array.of(historyLength ? 0.5 : 0.75, 0, 0.125, 0));
      assert.deepEqual(each.scores([0, 1], Int32Array.of(2, 1)), Float32Array.of(-0.375, 1));
    }
  }
});

test('items that nothing speaks for, and excluded ones, are not found', () => {
  const weights = ItemWeights.of(rows);
  assert.deepEqual([...weights.find([0], 4, none).ids], [1, 2]);
  assert.deepEqual([...weights.find([0], 4, bitmapOf([1], 4)).ids], [2]);
  assert.deepEqual([...weights.find([3], 4, none).ids], []);
  assert.deepEqual([...weights.find([], 4, none).ids], []);
});

test('the items most like one are those of its row, strongest first', () => {
  const weights = ItemWeights.of(rows);
  assert.deepEqual([...weights.similar(0, 1, none).ids], [1]);
  assert.deepEqual([...weights.similar(0, 4, bitmapOf([1], 4)).ids], [2]);
  assert.deepEqual([...weights.similar(3, 4, none).ids], []);
});

test('another file is refused', () => {
  const other = encodeCheckpoint({ arrays: new Map([['starts', Int32Array.of(0)]]), values: null });
  assert.throws(() => ItemWeights.parse(other), { code: 'MR_MODEL_CHECKPOINT' });
});
