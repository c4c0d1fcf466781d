import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ManualClock } from '#platform/testing';
import { RestoreProgress } from './restore-progress.ts';

it('tells rate and remaining time from when there was something to restore', async () => {
  const clock = new ManualClock();
  const progress = new RestoreProgress(clock);
  // It waits for its turn, and for a lock.
  await clock.advance(60_000);
  progress.expect(10_000);
  assert.deepEqual(progress.status, { restored: 0, total: 10_000, recordsPerSecond: 0, etaMs: null });
  await clock.advance(1_000);
  progress.advance(2_000);
  assert.deepEqual(progress.status, {
    restored: 2_000,
    total: 10_000,
    recordsPerSecond: 2_000,
    etaMs: 4_000,
  });
  progress.advance(8_000);
  const { restored, etaMs } = progress.status;
  assert.deepEqual([restored, etaMs], [10_000, 0]);
});

it('of a copy that has followed for long, it tells the rate at which it catches up now', async () => {
  const clock = new ManualClock();
  const progress = new RestoreProgress(clock);
  progress.expect(1_000);
  await clock.advance(1_000);
  progress.advance(1_000);
  await clock.advance(3_600_000);
  progress.expect(0);
  progress.expect(6_000);
  await clock.advance(1_000);
  progress.advance(3_000);
  assert.deepEqual(progress.status, { restored: 4_000, total: 7_000, recordsPerSecond: 3_000, etaMs: 1_000 });
});

it('a restore that starts over leaves nothing behind that never comes', () => {
  const progress = new RestoreProgress(new ManualClock());
  progress.expect(1_000);
  progress.advance(300);
  progress.startOver();
  progress.expect(1_000);
  progress.advance(1_000);
  const { restored, total, etaMs } = progress.status;
  assert.deepEqual([restored, total, etaMs], [1_300, 1_300, 0]);
});
