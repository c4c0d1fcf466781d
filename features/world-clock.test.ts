import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { worldNow } from './world-clock.ts';

const HOUR_MS = 3_600_000;

describe('worldNow', () => {
  const wallNow = Date.UTC(2025, 0, 1);

  it('is the wall clock while the watermark is within an hour of it, on either side', () => {
    for (const lag of [-HOUR_MS, -1, 0, 1, HOUR_MS]) {
      assert.equal(worldNow({ watermark: wallNow - lag, wallNow }), wallNow);
    }
  });

  it('is the watermark in a world of the past or of the future', () => {
    for (const watermark of [Date.UTC(1998, 3, 1), wallNow - HOUR_MS - 1, wallNow + HOUR_MS + 1]) {
      assert.equal(worldNow({ watermark, wallNow }), watermark);
    }
  });

  it('is the wall clock before anything has happened', () => {
    assert.equal(worldNow({ watermark: Number.NEGATIVE_INFINITY, wallNow }), wallNow);
  });
});
