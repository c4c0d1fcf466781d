import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backoff, backoffMs } from './backoff.ts';
import { ManualClock } from './testing/manual-clock.ts';

describe('Backoff', () => {
  it('doubles the pause up to the longest, however many failures there are, and begins again after a reset', () => {
    const backoff = new Backoff(new ManualClock(), { firstMs: 100, longestMs: 1_000 });
    const pauses = () => Array.from({ length: 6 }, () => backoff.failed());
    assert.deepEqual(pauses(), [100, 200, 400, 800, 1_000, 1_000]);
    assert.equal(backoff.failures, 6);
    backoff.reset();
    assert.deepEqual(pauses(), [100, 200, 400, 800, 1_000, 1_000]);
    assert.equal(backoffMs({ firstMs: 100, longestMs: 1_000 }, 5_000), 1_000);
  });

  it('spreads pauses over half to one and a half of their length', () => {
    const pauses = [0, 0.5, 1].map((drawn) => {
      return backoffMs({ firstMs: 100, longestMs: 200, random: () => drawn }, 2);
    });
    assert.deepEqual(pauses, [100, 200, 300]);
  });

  it('waits on the given clock, and not once the signal has aborted', async () => {
    const clock = new ManualClock();
    const backoff = new Backoff(clock, { firstMs: 100, longestMs: 1_000 });
    const stopping = new AbortController();
    let woken = 0;
    const wait = () => void backoff.wait(stopping.signal).then(() => woken++);
    wait();
    await clock.advance(99);
    assert.deepEqual([woken, backoff.isWaiting], [0, true]);
    await clock.advance(1);
    assert.deepEqual([woken, backoff.isWaiting], [1, false]);
    wait();
    await clock.advance(199);
    assert.equal(woken, 1);
    stopping.abort();
    await clock.advance(0);
    assert.deepEqual([woken, backoff.isWaiting, clock.sleeping], [2, false, 0]);
  });
});
