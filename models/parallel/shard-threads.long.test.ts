import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, suite, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import { sharedFloats, sumOfShards } from './gradients.ts';
import { ShardThreads } from './shard-threads.ts';
import { Doubling, type Order } from './testing/doubling.ts';
import type { Lingering } from './testing/lingering-thread.ts';
import { startDoubling } from './testing/start-doubling.ts';
import { hostThreads } from './thread-host.ts';

const threadsAlive = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;

async function doubling(t: TestContext, threads: number) {
  const started = await startDoubling(threads);
  t.after(() => started.close());
  return started;
}

suite('threads that compute the shards of a step', () => {
  after(async () => {
    // A port is gone a turn or two of the event loop after its thread.
    for (let turn = 0; turn < 100 && threadsAlive() > 0; turn++) await setTimeout(10);
    assert.equal(threadsAlive(), 0);
  });

  test('results come in the order of the shards, step after step, however many threads there are', async (t) => {
    for (const threads of [1, 2, 3]) {
      const started = await doubling(t, threads);
      assert.equal(threadsAlive() >= threads - 1, true);
      assert.deepEqual(await started.compute([], 0), []);
      for (let step = 0; step < 50; step++) {
        const shards = Array.from({ length: step % 7 }, (_, i) => step + i);
        const expected = shards.map((number) => 2 * number);
        assert.deepEqual(await started.compute(shards, shards.length), expected);
      }
    }
  });

  test('the error of a thread is that of the step, and the threads can go on', async (t) => {
    const started = await doubling(t, 2);
    await assert.rejects(started.compute(['throw', 'throw'], 2), {
      name: 'InputError',
      code: 'MR_MODEL_INPUT',
      message: 'device lost',
      hint: 'Try again.',
    });
    assert.deepEqual(await started.compute([1, 2], 2), [2, 4]);
  });

  test('a thread that ends by itself, or by want of memory, fails this step and all later ones', async (t) => {
    for (const [order, code] of [
      ['exit', 'MR_TRAINING_THREAD'],
      ['allocate', 'ERR_WORKER_OUT_OF_MEMORY'],
    ] as const) {
      const started = await doubling(t, 2);
      await assert.rejects(started.compute([order, order], 2), { code });
      await assert.rejects(started.compute([1], 1), { code });
    }
  });

  test('one that steps may run out of memory: those that compute with it end by themselves, not inside of a shard', async () => {
    const state: Lingering = new Int32Array(new SharedArrayBuffer(12));
    const { port1, port2: host } = new MessageChannel();
    const hosted = hostThreads(port1);
    const dying = new Worker(new URL('./testing/dying-thread.ts', import.meta.url), {
      workerData: { state, host },
      transferList: [host],
      resourceLimits: { maxOldGenerationSizeMb: 20 },
    });
    const [error] = await once(dying, 'error');
    assert.equal(error.code, 'ERR_WORKER_OUT_OF_MEMORY');
    assert.deepEqual([...state], [1, 0, 0]);
    Atomics.store(state, 1, 1);
    Atomics.notify(state, 1);
    await hosted();
    assert.deepEqual([...state], [1, 1, 1]);
    port1.close();
  });

  test('a thread that can not begin is the error of the start, and none is left', async () => {
    const own = new Doubling({ isOwn: true, met: new Int32Array(1) });
    const entry = new URL('./testing/no-such-thread.ts', import.meta.url);
    const starting = ShardThreads.start<readonly Order[], number>(own, { entry, setup: {}, threads: 3 });
    await assert.rejects(starting, { code: /MODULE_NOT_FOUND$/ });
  });
});

test('gradients of shards are added in their order, whatever that does to rounding', () => {
  const shards = [
    [1e8, 1],
    [1, 2],
    [-1e8, 3],
  ].map((values) => {
    const gradient = sharedFloats(2);
    gradient.set(values);
    return [gradient];
  });
  assert.deepEqual(sumOfShards(shards), [Float32Array.of(0, 6)]);
  assert.deepEqual(sumOfShards([]), []);
});
