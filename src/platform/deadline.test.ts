import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Deadline } from './deadline.ts';
import { ManualClock } from './testing/index.ts';

describe('a deadline', () => {
  it('says what is left, never less than nothing', async () => {
    const clock = new ManualClock();
    const deadline = Deadline.after(clock, 100);
    await clock.advance(30);
    assert.equal(deadline.remainingMs, 70);
    assert.equal(deadline.isOver, false);
    await clock.advance(90);
    assert.equal(deadline.remainingMs, 0);
    assert.equal(deadline.isOver, true);
  });

  it('shares out what is left, not what there was', async () => {
    const clock = new ManualClock();
    const deadline = Deadline.after(clock, 100);
    await clock.advance(20);
    const share = deadline.share(0.5);
    assert.equal(share.remainingMs, 40);
    await clock.advance(50);
    assert.equal(share.isOver, true);
    assert.equal(deadline.remainingMs, 30);
  });

  it('gives what comes in time, and leaves no timer', async () => {
    const clock = new ManualClock();
    const work = clock.sleep(60).then(() => 'done');
    const raced = Deadline.after(clock, 100).race(work);
    await clock.advance(60);
    assert.deepEqual(await raced, { inTime: true, value: 'done' });
    assert.equal(clock.sleeping, 0);
  });

  it('gives up what does not come in time, whose later rejection harms nobody', async () => {
    const clock = new ManualClock();
    const work = Promise.withResolvers<string>();
    const raced = Deadline.after(clock, 100).race(work.promise);
    await clock.advance(100);
    assert.deepEqual(await raced, { inTime: false });
    work.reject(new Error('late'));
    await clock.advance(1);
    assert.equal(clock.sleeping, 0);
  });

  it('passes on an error that comes in time, and leaves no timer', async () => {
    const clock = new ManualClock();
    const work = clock.sleep(10).then(() => Promise.reject(new Error('refused')));
    const raced = assert.rejects(Deadline.after(clock, 100).race(work), /refused/);
    await clock.advance(10);
    await raced;
    assert.equal(clock.sleeping, 0);
  });

  it('waits for nothing once it is over', async () => {
    const clock = new ManualClock();
    const deadline = Deadline.after(clock, 5);
    await clock.advance(5);
    assert.deepEqual(await deadline.race(Promise.reject(new Error('late'))), { inTime: false });
  });

  it('never ends where the budget has no bound', async () => {
    const clock = new ManualClock();
    const deadline = Deadline.after(clock, Number.POSITIVE_INFINITY);
    const raced = deadline.share(0.3).race(clock.sleep(1e9).then(() => 'at last'));
    await clock.advance(1e9);
    assert.deepEqual(await raced, { inTime: true, value: 'at last' });
    assert.equal(deadline.isOver, false);
  });
});
