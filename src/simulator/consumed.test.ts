import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Consumed } from './consumed.ts';

test('a pair that was added is there, and at capacity few others seem to be', () => {
  const consumed = new Consumed(10_000);
  for (let pair = 0; pair < 10_000; pair++) consumed.add(pair % 100, Math.floor(pair / 100));
  let wrong = 0;
  for (let pair = 0; pair < 10_000; pair++) {
    assert.ok(consumed.has(pair % 100, Math.floor(pair / 100)));
    if (consumed.has((pair % 100) + 100, Math.floor(pair / 100))) wrong++;
  }
  assert.ok(wrong < 150, `${wrong} of 10,000`);
});

test('beyond its capacity it forgets what was before', () => {
  const consumed = new Consumed(1_024);
  for (let entry = 0; entry < 1_024; entry++) consumed.add(1, entry);
  assert.ok(consumed.has(1, 0));
  consumed.add(2, 5);
  assert.ok(!consumed.has(1, 0) && consumed.has(2, 5));
});
