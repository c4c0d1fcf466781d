import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { granularityMs, type TimeWindow, windowMs } from './windows.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

describe('time windows', () => {
  it('are read from their names', () => {
    assert.equal(windowMs('90s'), 90_000);
    assert.equal(windowMs('5min'), 5 * MINUTE_MS);
    assert.equal(windowMs('24h'), DAY_MS);
    assert.equal(windowMs('30d'), 30 * DAY_MS);
  });

  it('move in steps that go into them twelve times or more', () => {
    const steps: [TimeWindow, number][] = [
      ['12s', 1000],
      ['61s', 1000],
      ['1min', 5000],
      ['1h', 5 * MINUTE_MS],
      ['24h', HOUR_MS],
      ['7d', 6 * HOUR_MS],
      ['30d', DAY_MS],
      ['365d', DAY_MS],
      // 91 hours hold a step of six hours fifteen times, but not in whole.
      ['91h', HOUR_MS],
    ];
    for (const [window, step] of steps) assert.equal(granularityMs(window), step, window);
  });

  it('are refused when they are no window, or too short for their steps', () => {
    for (const wrong of ['0h', '1.5h', '-1d', '01d', '1w', 'h', '11s', '1e3d'] as TimeWindow[]) {
      assert.throws(() => granularityMs(wrong), { code: 'MR_INVARIANT' }, wrong);
    }
  });
});
