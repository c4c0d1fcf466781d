import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { writeRecords } from '#engine';
import { RetryableError, watchFailpoints } from '#platform';
import { requestJob } from './request.ts';
import { isOver } from './run.ts';
import { done, held, type JobsWorld, job, jobsWorld, ownerHasLooked, POLICY } from './testing/index.ts';

const MINUTE_MS = 60_000;
const AWAY = new RetryableError('MR_LOG_UNAVAILABLE', 'away');

const ask = (world: JobsWorld, kind: 'run' | 'pause' | 'resume' | 'cancel', name = 'a') =>
  requestJob(world, [job(name, 'off', done)], { kind, job: name, actor: 'ann' });

/** The next commit of the owner, and no later one, fails; resolves when it has. */
function nextCommitFails(t: TestContext) {
  const failed = Promise.withResolvers<void>();
  t.after(() => watchFailpoints(undefined));
  watchFailpoints((reached) => {
    if (reached !== 'jobs.commit.before') return;
    watchFailpoints(undefined);
    failed.resolve();
    throw AWAY;
  });
  return failed.promise;
}

describe('runs of jobs, from owner to owner', { timeout: 180_000 }, () => {
  it('are tried again as often as their policy says in all, whether an attempt failed or its process died', async (t) => {
    const world = await jobsWorld(t);
    let begun = 0;
    const hung = Promise.withResolvers<never>();
    const work = async () => {
      if (++begun === 1) return hung.promise;
      throw AWAY;
    };
    const first = world.start([job('a', 'off', work)]);
    await ask(world, 'run');
    await world.until(() => begun || undefined);
    first.kill();
    world.start([job('a', 'off', work)]);
    const [run] = await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
    hung.reject(AWAY);
    assert.deepEqual([run?.status, run?.attempts, begun], ['failed', 1 + POLICY.retries, 1 + POLICY.retries]);
  });

  it('keep an attempt that failed in the count when their process is stopped in the pause after it', async (t) => {
    const world = await jobsWorld(t);
    let begun = 0;
    const work = async () => {
      begun++;
      throw AWAY;
    };
    const { sleep } = world.clock;
    const isPause = (ms: number) => ms >= 500 && ms !== 3_000;
    const first = world.start([job('a', 'off', work)], {
      sleep: (ms, signal) => sleep(isPause(ms) ? 1e9 : ms, signal),
    });
    await ask(world, 'run');
    await world.runsUntil(([run]) => run?.error_code != null);
    await first.stop();
    const [left] = await world.runs();
    assert.deepEqual([left?.status, left?.attempts], ['waiting', 1]);
    world.start([job('a', 'off', work)]);
    const [run] = await world.runsUntil((runs) => runs.every(isOver));
    assert.deepEqual([run?.status, run?.attempts, begun], ['failed', 1 + POLICY.retries, 1 + POLICY.retries]);
  });

  it('have failed at their deadline also where the log was away at that time', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    const deadlineMs = 10_000;
    const due = Promise.withResolvers<void>();
    const { sleep } = world.clock;
    world.start([job('a', 'off', work, { policy: { ...POLICY, deadlineMs } })], {
      sleep: (ms, signal) =>
        ms === deadlineMs ? Promise.race([due.promise, sleep(1e9, signal)]) : sleep(ms, signal),
    });
    await ask(world, 'run');
    await world.until(() => gates[0]);
    // Nothing else is left to commit.
    await ownerHasLooked(world);
    const failed = nextCommitFails(t);
    due.resolve();
    await failed;
    const [run] = await world.runsUntil((runs) => runs.every(isOver));
    assert.deepEqual([run?.status, run?.error_code], ['failed', 'MR_JOB_DEADLINE']);
  });

  it('are not cancelled by a request that came before theirs, when the owner dies between the two', async (t) => {
    for (let at = 1; at <= 3; at++) {
      const world = await jobsWorld(t);
      await ask(world, 'cancel');
      const id = await ask(world, 'run');
      let commits = 0;
      const died = Promise.withResolvers<void>();
      t.after(() => watchFailpoints(undefined));
      const first = world.start([job('a', 'off', done)]);
      watchFailpoints((name) => {
        if (name !== 'jobs.commit.after' || ++commits < at) return;
        watchFailpoints(undefined);
        first.kill();
        died.resolve();
        throw AWAY;
      });
      await died.promise;
      world.start([job('a', 'off', done)]);
      const [run] = await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
      assert.deepEqual([run?.run_id, run?.status], [id, 'succeeded'], `commit ${at}`);
    }
  });

  it('begin at the start of their process once, also where its owner has to begin again', async (t) => {
    const world = await jobsWorld(t);
    world.start([job('a', 'on start', done), job('b', 'off', done)]);
    await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
    const failed = nextCommitFails(t);
    await ask(world, 'run', 'b');
    await failed;
    const runs = await world.runsUntil((all) => all.length === 2 && all.every(isOver));
    assert.deepEqual(
      runs.map(({ trigger }) => trigger),
      ['start', 'request'],
    );
  });

  it('say when they were begun first, and are counted where the next owner tries again', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    const first = world.start([job('a', 'off', work)]);
    await ask(world, 'run');
    await world.until(() => gates[0]);
    const [begun] = await world.runs();
    first.kill();
    world.state.now += MINUTE_MS;
    const { metrics, stop } = world.start([job('a', 'off', work)]);
    const gate = await world.until(() => gates[1]);
    gate.resolve({ text: '' });
    const [run] = await world.runsUntil((runs) => runs.every(isOver));
    assert.deepEqual([run?.started, run?.ended], [begun?.created, (begun?.created ?? 0) + MINUTE_MS]);
    assert.match(await metrics.render(), /job_retries_total\{name="a"\} 1/);
    assert.match(await metrics.render(), /job_succeeded_at_ms\{name="a"\}/);
    await stop();
    assert.doesNotMatch(await metrics.render(), /job_succeeded_at_ms\{/, 'the next owner tells of it');
  });

  it('do not make up for a time that came in a pause, whatever time whoever ended it has', async (t) => {
    const world = await jobsWorld(t);
    world.start([job('a', '0 * * * *', done)]);
    await ask(world, 'pause');
    await ownerHasLooked(world);
    world.state.now += MINUTE_MS;
    await ownerHasLooked(world);
    const value = { request_id: 'r', ts: 0, job: 'a', kind: 'resume', actor: null, reason: null } as const;
    await writeRecords(world.log, world.topics['job-requests'], [{ key: 'a', value, timestamp: 0 }]);
    await ownerHasLooked(world);
    await ownerHasLooked(world);
    assert.deepEqual(await world.runs(), []);
  });

  it('make up for a time of up to an hour ago', async (t) => {
    for (const [lateMs, count] of [
      [60 * MINUTE_MS - 1, 2],
      [60 * MINUTE_MS, 1],
    ] as const) {
      const world = await jobsWorld(t);
      const jobs = [job('a', '0 3 * * *', done)];
      const first = world.start(jobs);
      await ownerHasLooked(world);
      world.state.now += MINUTE_MS;
      await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
      await first.stop();
      world.state.now += 24 * 60 * MINUTE_MS + lateMs;
      world.start(jobs);
      await ownerHasLooked(world);
      await world.runsUntil((runs) => runs.every(isOver));
      assert.equal((await world.runs()).length, count, `${lateMs} ms late`);
    }
  });

  it('do not make up for a time in a pause that was ended while no owner was there', async (t) => {
    const world = await jobsWorld(t);
    const jobs = [job('a', '0 * * * *', done)];
    const first = world.start(jobs);
    await ownerHasLooked(world);
    world.state.now += MINUTE_MS;
    await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
    await ask(world, 'pause');
    await ownerHasLooked(world);
    await first.stop();
    world.state.now += 65 * MINUTE_MS;
    await ask(world, 'resume');
    world.start(jobs);
    await ownerHasLooked(world);
    await ownerHasLooked(world);
    assert.equal((await world.runs()).length, 1, 'four o’clock was in the pause');
    world.state.now += 55 * MINUTE_MS;
    await world.runsUntil((runs) => runs.length === 2 && runs.every(isOver));
  });

  it('are begun once for a request that is written twice', async (t) => {
    const world = await jobsWorld(t);
    let begun = 0;
    const work = async () => ({ text: `${++begun}` });
    world.start([job('a', 'off', work)]);
    const id = await ask(world, 'run');
    await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
    const value = { request_id: id, ts: 0, job: 'a', kind: 'run', actor: 'ann', reason: null } as const;
    await writeRecords(world.log, world.topics['job-requests'], [{ key: 'a', value, timestamp: 0 }]);
    await ownerHasLooked(world);
    await ask(world, 'run');
    const runs = await world.runsUntil((all) => all.length === 2 && all.every(isOver));
    assert.deepEqual(
      runs.map(({ outcome }) => outcome),
      ['1', '2'],
    );
  });

  it('are recorded for a request that names no job of theirs, as whoever asked waits for them', async (t) => {
    const world = await jobsWorld(t);
    world.start([job('b', 'off', done)]);
    const id = await ask(world, 'run');
    const [run] = await world.runsUntil((runs) => runs.length === 1);
    assert.deepEqual([run?.run_id, run?.status, run?.error_code], [id, 'cancelled', 'MR_JOB_UNKNOWN']);
  });
});
