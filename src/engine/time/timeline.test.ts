import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leastOf, Timeline } from './timeline.ts';
import { NO_WATERMARK } from './watermark.ts';

/** A batch of as many steps as there are values, each the watermark after it; undefined where it stands still. */
function batch(time: Timeline, ...values: readonly (number | undefined)[]): number[] {
  time.begin();
  for (const [i, ms] of values.entries()) if (ms !== undefined) time.reach(i + 1, ms);
  time.end(values.length, time.last);
  return [...time.at.subarray(0, time.steps + 1)];
}

describe('a timeline', () => {
  it('begins each batch where the last one ended, and stands still between the steps that move it', () => {
    const time = new Timeline();
    assert.deepEqual(batch(time, undefined), [NO_WATERMARK, NO_WATERMARK]);
    assert.deepEqual(batch(time, 3), [NO_WATERMARK, 3]);
    assert.deepEqual(batch(time, undefined, undefined, 7, undefined), [3, 3, 3, 7, 7]);
    assert.deepEqual(batch(time, 9, undefined), [7, 9, 9]);
    assert.equal(time.last, 9);
  });

  it('grows with its batches', () => {
    const time = new Timeline();
    time.startAt(5);
    const values = Array.from({ length: 1_000 }, (_, i) => (i % 3 === 0 ? i + 6 : undefined));
    const expected = [5, ...values.map((_, i) => i - (i % 3) + 6)];
    assert.deepEqual(batch(time, ...values), expected);
  });

  it('ends where it is told, unless its last step has been reached', () => {
    const time = new Timeline();
    time.startAt(1);
    time.begin();
    time.reach(1, 2);
    time.end(3, 8);
    assert.deepEqual([...time.at.subarray(0, 4)], [1, 2, 2, 8]);
    time.begin();
    time.reach(1, 9);
    time.end(1, 10);
    assert.equal(time.last, 9);
  });
});

describe('the least of several timelines', () => {
  it('is the least at each step, whichever input that is', () => {
    const [a, b, c] = [new Timeline(), new Timeline(), new Timeline()];
    for (const time of [a, b, c]) time.startAt(0);
    const nested = leastOf([leastOf([a, b]), c]);
    batch(a, 1, 9, 9);
    batch(b, 4, 4, 6);
    batch(c, 2, 5, 5);
    nested.settle();
    assert.equal(nested.steps, 3);
    assert.deepEqual([...nested.at.subarray(0, 4)], [0, 1, 4, 5]);
    assert.equal(nested.last, 5);
  });

  it('of one, however often it is named, is that one', () => {
    const time = new Timeline();
    assert.equal(leastOf([time, time]), time);
    assert.notEqual(leastOf([time, new Timeline()]), time);
  });
});
