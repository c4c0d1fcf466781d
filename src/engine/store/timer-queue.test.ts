import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { CachedStore } from './cached-store.ts';
import { memoryDatabases } from './memory/memory-database.ts';
import { type Timer, TimerQueue, timerSerde } from './timer-queue.ts';

async function open(keys: readonly string[]): Promise<TimerQueue> {
  const database = await memoryDatabases().open('task');
  const store = new CachedStore('timers', database, timerSerde, 1_000);
  await store.load(keys);
  return new TimerQueue(store);
}

const keys = ['a', 'b', 'c', 'd', 'e'];

it('a timer that is moved again and again takes no more room', async () => {
  const queue = await open(keys);
  for (let ms = 0; ms < 100_000; ms++) queue.set(keys[ms % keys.length] as string, ms, ms);
  assert.ok(queue.size < 2_000, `${queue.size} entries`);
  const fired: Timer[] = [];
  for (let timer = queue.pop(1e9); timer !== undefined; timer = queue.pop(1e9)) fired.push(timer);
  assert.deepEqual(
    fired,
    keys.map((key, i) => ({ key, dueMs: 99_995 + i, holdMs: Number.POSITIVE_INFINITY })),
  );
});

it('what a timer holds can change while its time stays, and goes with it', async () => {
  const queue = await open(keys);
  queue.set('a', 20, 1, 15);
  queue.set('b', 30, 1);
  assert.equal(queue.leastHold, 15);
  queue.set('a', 20, 1, 5);
  assert.equal(queue.leastHold, 5);
  queue.set('b', 30, 1, 4);
  assert.equal(queue.leastHold, 4);
  queue.set('b', 30, 1);
  assert.equal(queue.leastHold, 5);
  queue.pop(20);
  assert.equal(queue.leastHold, Number.POSITIVE_INFINITY);
});

it('timers that hold and are moved again and again take no more room', async () => {
  const queue = await open(keys);
  for (let ms = 0; ms < 100_000; ms++) queue.set(keys[ms % keys.length] as string, ms + 9, ms, ms);
  assert.ok(queue.size < 4_000, `${queue.size} entries`);
  assert.equal(queue.leastHold, 99_995);
});

it('timers fire by time, then key, whatever was set, moved and cleared before', async () => {
  const change = fc.tuple(fc.constantFrom(...keys), fc.option(fc.nat(20)));
  const law = fc.asyncProperty(
    fc.array(change, { maxLength: 4_000, size: 'max' }),
    fc.nat(20),
    async (all, until) => {
      const queue = await open(keys);
      const due = new Map<string, number>();
      for (const [key, ms] of all) {
        if (ms === null) queue.clear(key, 0);
        else queue.set(key, ms, 0);
        if (ms === null) due.delete(key);
        else due.set(key, ms);
      }
      const expected = [...due]
        .filter(([, ms]) => ms <= until)
        .sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
      assert.deepEqual([...new Set(queue.dueKeys(until))].sort(), expected.map(([key]) => key).sort());
      const fired: [string, number][] = [];
      for (let timer = queue.pop(until); timer !== undefined; timer = queue.pop(until)) {
        fired.push([timer.key, timer.dueMs]);
      }
      assert.deepEqual(fired, expected);
    },
  );
  await fc.assert(law, { numRuns: 30 });
});
