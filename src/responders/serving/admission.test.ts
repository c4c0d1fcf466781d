import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics, Deadline, errorCode } from '#platform';
import { ManualClock } from '#platform/testing';
import { Admission } from './admission.ts';

const BUDGET_MS = 100;

/** A server that makes `concurrency` answers at a time, each in `serviceMs`. */
function served(concurrency: number, serviceMs: () => number) {
  const clock = new ManualClock();
  const metrics = createMetrics();
  const admission = new Admission({ clock, metrics, concurrency });
  const order: number[] = [];
  const latencies: number[] = [];
  const refusals: string[] = [];
  let asked = 0;
  const ask = async (budgetMs = BUDGET_MS) => {
    const number = asked++;
    const startMs = clock.monotonic();
    const deadline = Deadline.after(clock, budgetMs);
    try {
      admission.admit(deadline);
    } catch (error) {
      return void refusals.push(errorCode(error) ?? '');
    }
    try {
      await admission.inTurn(deadline, () => clock.sleep(serviceMs()));
      order.push(number);
      latencies.push(clock.monotonic() - startMs);
    } catch (error) {
      refusals.push(errorCode(error) ?? '');
    } finally {
      admission.done();
    }
  };
  return { clock, metrics, admission, order, latencies, refusals, ask };
}

describe('admission', () => {
  it('makes a few answers at a time, in the order of their requests', async () => {
    const { clock, ask, order, latencies } = served(2, () => 1);
    const all = Promise.all([1, 2, 3, 4, 5].map(() => ask()));
    await clock.advance(10);
    await all;
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
    assert.deepEqual(latencies, [1, 1, 2, 2, 3]);
  });

  it('answers at its full rate under five times its load, and all that it takes in time', async () => {
    const { clock, ask, latencies, refusals, metrics } = served(4, () => 20);
    const asked: Promise<void>[] = [];
    // 200 answers a second are possible, 1,000 are requested.
    for (let ms = 0; ms < 5_000; ms++) {
      asked.push(ask());
      await clock.advance(1);
    }
    await clock.advance(BUDGET_MS);
    await Promise.all(asked);
    assert.equal(latencies.length + refusals.length, 5_000);
    assert.deepEqual(new Set(refusals), new Set(['MR_RECOMMEND_OVERLOADED']));
    assert.ok(latencies.length > 950, `${latencies.length} of 1,000 possible answers`);
    assert.ok(Math.max(...latencies) <= BUDGET_MS, `${Math.max(...latencies)} ms`);
    assert.match(await metrics.render(), /recommend_shed_total\{reason="predicted"\} \d/);
  });

  it('takes fewer when answers become slower, and more when they are fast again', async () => {
    let serviceMs = 4;
    const { clock, ask, latencies, refusals } = served(4, () => serviceMs);
    const phase = async (ms: number) => {
      const before = { answers: latencies.length, refusals: refusals.length };
      for (let i = 0; i < ms; i++) {
        void ask();
        await clock.advance(1);
      }
      return {
        latencies: latencies.slice(before.answers),
        refused: refusals.length - before.refusals,
      };
    };
    assert.equal((await phase(500)).refused, 0);
    serviceMs = 40;
    await phase(1_000);
    const slow = await phase(1_000);
    assert.ok(slow.latencies.length > 80 && Math.max(...slow.latencies) <= BUDGET_MS);
    serviceMs = 4;
    await phase(1_000);
    assert.equal((await phase(500)).refused, 0);
  });

  it('refuses what has waited until its time was up, and goes on with the next', async () => {
    const { clock, ask, order, refusals, metrics } = served(1, () => 30);
    const all = Promise.all([ask(), ask(20), ask()]);
    await clock.advance(200);
    await all;
    assert.deepEqual(order, [0, 2]);
    assert.deepEqual(refusals, ['MR_RECOMMEND_OVERLOADED']);
    const text = await metrics.render();
    assert.match(text, /recommend_shed_total\{reason="late"\} 1/);
    assert.match(text, /recommend_queue 0/);
  });

  it('never refuses all: a stall is forgotten', async () => {
    let serviceMs = 10_000;
    const { clock, ask, latencies, refusals } = served(4, () => serviceMs);
    for (let i = 0; i < 20; i++) void ask();
    await clock.advance(60_000);
    serviceMs = 1;
    for (let ms = 0; ms < 1_000; ms++) {
      void ask();
      await clock.advance(1);
    }
    const before = refusals.length;
    for (let ms = 0; ms < 100; ms++) {
      void ask();
      await clock.advance(1);
    }
    assert.equal(refusals.length, before);
    assert.ok(latencies.length > 100);
  });

  it('counts a request with many answers as many', async () => {
    const { clock, admission } = served(4, () => 1);
    const deadline = Deadline.after(clock, BUDGET_MS);
    admission.admit(deadline, 30);
    assert.equal(admission.isFull(BUDGET_MS, 10), false);
    assert.throws(() => admission.admit(deadline, 100), { code: 'MR_RECOMMEND_OVERLOADED' });
    for (let i = 0; i < 30; i++) admission.done();
    admission.admit(deadline, 100);
  });

  it('passes on what an answer fails with, and lets the next one in', async () => {
    const { clock, admission } = served(1, () => 1);
    const deadline = Deadline.after(clock, BUDGET_MS);
    const failing = () => Promise.reject(new Error('broken'));
    await assert.rejects(admission.inTurn(deadline, failing), /broken/);
    assert.equal(await admission.inTurn(deadline, async () => 'made'), 'made');
  });
});
