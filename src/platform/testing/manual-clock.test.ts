import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from './manual-clock.ts';

describe('ManualClock', () => {
  it('serves sleeps in order of their time, those begun on the way included', async () => {
    const clock = new ManualClock(1000);
    const seen: string[] = [];
    const note = (name: string) => seen.push(`${name} ${clock.now()}`);
    void clock.sleep(30).then(() => note('late'));
    void (async () => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(10);
        note('tick');
      }
    })();
    await clock.advance(25);
    assert.deepEqual(seen, ['tick 1010', 'tick 1020']);
    assert.equal(clock.now(), 1025);
    assert.equal(clock.monotonic(), 25);
    await clock.advance(5);
    assert.deepEqual(seen.slice(2).sort(), ['late 1030', 'tick 1030']);
    assert.equal(clock.sleeping, 0);
  });

  it('ends a sleep when its signal aborts', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const sleep = clock.sleep(10, controller.signal);
    controller.abort();
    await sleep;
    await clock.sleep(10, controller.signal);
    assert.equal(clock.sleeping, 0);
  });
});
