import assert from 'node:assert/strict';
import test from 'node:test';
import { RecallByReach } from './recall-by-reach.ts';

const FIRST = Number.NEGATIVE_INFINITY;

function recallsOf(...queries: readonly (readonly number[])[]): RecallByReach {
  const recalls = new RecallByReach();
  for (const gaps of queries) recalls.add(Float64Array.from(gaps));
  return recalls;
}

test('the least reach is that of the last result that the target takes', () => {
  const recalls = recallsOf([4, FIRST, 1, 2], [3, FIRST, 1, 8]);
  // After 1: two of four in both. After 2 and 3: three of four.
  assert.deepEqual(
    [0.25, 0.5, 0.625, 0.75, 0.875, 1].map((target) => recalls.reachFor(target, 0)),
    [1, 1, 2, 3, 4, 8],
  );
});

test('queries count alike, however many results they have', () => {
  assert.equal(recallsOf([5], [1, 2, 3, 4], []).reachFor(0.5, 0), 4);
});

test('the more queries differ, the further searches reach to be on the safe side', () => {
  // After 2: recalls of 1 and .5, with a deviation of .25 and a standard error of .25 / sqrt(2).
  const recalls = recallsOf([1, 2], [2, 3]);
  assert.equal(recalls.reachFor(0.75, 0), 2);
  assert.equal(recalls.reachFor(0.57, 1), 2);
  assert.equal(recalls.reachFor(0.58, 1), 3);
});

test('where all results come before a search may end, none has to reach further', () => {
  assert.equal(recallsOf([FIRST, FIRST, FIRST, 7]).reachFor(0.5, 0), 7);
  const none = recallsOf([FIRST, FIRST]).reachFor(1, 0);
  assert.equal(none, recallsOf().reachFor(1, 0));
  assert.ok(none > 2 ** 64 && JSON.parse(JSON.stringify(none)) === none);
});
