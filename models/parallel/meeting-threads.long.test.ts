import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Compute } from './meeting.ts';
import { MeetingThreads } from './meeting-threads.ts';
import { doubling, FAILURES, type Orders, ordersOf } from './testing/meeting-orders.ts';

const entry = new URL('./testing/meeting-thread.ts', import.meta.url);

async function started(t: TestContext, threads: number, setup: Orders, own: Compute = doubling(setup, true)) {
  const meeting = await MeetingThreads.start(own, { entry, setup, threads });
  t.after(() => meeting.close());
  return meeting;
}

suite('threads that meet for short steps', () => {
  test('compute each shard once, step after step, also after a pause in which they went away', async (t) => {
    for (const threads of [1, 2, 4]) {
      const shared = ordersOf(12);
      const meeting = await started(t, threads, shared);
      for (let step = 0; step < 2_000; step++) {
        const shards = step % 13;
        shared.results.fill(-1);
        shared.orders.set(Array.from({ length: shards }, (_, i) => step + i));
        await meeting.step(shards);
        const expected = Array.from({ length: 12 }, (_, i) => (i < shards ? 2 * (step + i) : -1));
        assert.deepEqual([...shared.results], expected, `${threads} threads, step ${step}`);
        // Longer than a thread without a step stays.
        if (step % 900 === 899) await setTimeout(60);
      }
    }
  });

  test('the error of a thread is that of the step, and of all later ones', async (t) => {
    const shared = ordersOf(2);
    const meeting = await started(t, 2, shared);
    shared.orders.fill(FAILURES.throw);
    const lost = { name: 'InputError', code: 'MR_MODEL_INPUT', message: 'device lost', hint: 'Try again.' };
    await assert.rejects(meeting.step(2), lost);
    shared.orders.fill(1);
    await assert.rejects(meeting.step(2), lost);
  });

  test('a thread that ends by itself, or by want of memory, fails this step and all later ones', async (t) => {
    for (const [order, code] of [
      ['exit', 'MR_TRAINING_THREAD'],
      ['allocate', 'ERR_WORKER_OUT_OF_MEMORY'],
    ] as const) {
      const shared = ordersOf(2);
      const meeting = await started(t, 2, shared);
      shared.orders.fill(FAILURES[order]);
      await assert.rejects(meeting.step(2), { code });
      await assert.rejects(meeting.step(2), { code });
    }
  });

  test('an error of the calling thread rejects its step alone, when the others have come to rest', async (t) => {
    const shared = ordersOf(50);
    let fails = true;
    const compute = doubling(shared, true);
    const meeting = await started(t, 3, shared, (shard) => {
      if (fails) throw new RangeError('own');
      compute(shard);
    });
    await assert.rejects(meeting.step(50), /own/);
    fails = false;
    shared.orders.fill(3);
    await meeting.step(50);
    assert.deepEqual(new Set(shared.results), new Set([6]));
  });

  test('a thread that can not begin is the error of the start', async () => {
    const missing = new URL('./testing/no-such-thread.ts', import.meta.url);
    const starting = MeetingThreads.start(() => {}, { entry: missing, setup: {}, threads: 3 });
    await assert.rejects(starting, { code: /MODULE_NOT_FOUND$/ });
  });
});
