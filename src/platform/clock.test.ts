import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from './clock.ts';

test('a sleep of months is not cut short by what a timer can hold', async (t) => {
  const delays: number[] = [];
  t.mock.method(globalThis, 'setTimeout', (callback: () => void, ms: number) => {
    delays.push(ms);
    queueMicrotask(callback);
  });
  await systemClock.sleep(5_000_000_000);
  assert.deepEqual(delays, [2_147_483_647, 2_147_483_647, 705_032_706]);
});

test('a sleep ends at once when its signal aborts', async () => {
  const stop = new AbortController();
  const sleeping = systemClock.sleep(5_000_000_000, stop.signal);
  stop.abort();
  await sleeping;
  await systemClock.sleep(5_000_000_000, stop.signal);
});
