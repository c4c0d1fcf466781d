import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { writeRecords } from '#engine';
import { errorCode, FatalError, RetryableError, watchFailpoints } from '#platform';
import type { Candidate, JobRun } from '#schemas';
import type { JobContext } from './job.ts';
import { readJobStates } from './ledger.ts';
import { requestJob } from './request.ts';
import { ended, isOver, newRun } from './run.ts';
import { done, held, type JobsWorld, job, jobsWorld, ownerHasLooked, POLICY } from './testing/index.ts';

const MINUTE_MS = 60_000;
const shown = (runs: readonly JobRun[]) =>
  runs.map(({ job: name, trigger, status, error_code }) =>
    [name, trigger, status, error_code].filter(Boolean).join(' '),
  );

/** Asks by hand. */
const ask = (world: JobsWorld, kind: 'run' | 'pause' | 'resume' | 'cancel', name = 'a') =>
  requestJob(world, [job(name, 'off', done)], { kind, job: name, actor: 'ann', reason: 'why not' });

describe('jobs', { timeout: 180_000 }, () => {
  it('run at the times of their schedule, once each, also when the owner was away', async (t) => {
    const world = await jobsWorld(t);
    const jobs = [job('a', '0 3 * * *', done)];
    const first = world.start(jobs);
    await ownerHasLooked(world);
    assert.deepEqual(await world.runs(), []);
    world.state.now += MINUTE_MS;
    const [run] = await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
    assert.deepEqual(
      [run?.trigger, run?.cause, run?.status, run?.outcome, run?.attempts, run?.owner],
      ['cron', '0 3 * * *', 'succeeded', 'done', 1, 'main'],
    );
    await first.stop();
    world.state.now += 24 * 60 * MINUTE_MS + 30 * MINUTE_MS;
    const second = world.start(jobs);
    await world.runsUntil((runs) => runs.length === 2 && runs.every(isOver));
    await second.stop();
    world.state.now += 24 * 60 * MINUTE_MS + 90 * MINUTE_MS;
    world.start(jobs);
    await ownerHasLooked(world);
    assert.equal((await world.runs()).length, 2, 'a time that is hours ago is not made up for');
  });

  it('run at a time once where the next owner has a clock that is behind, and go on where the first one was far ahead', async (t) => {
    const runsAfter = async (aheadMs: number) => {
      const world = await jobsWorld(t);
      const jobs = [job('a', '0 3 * * *', done)];
      const first = world.start(jobs);
      await ownerHasLooked(world);
      world.state.now += aheadMs;
      await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
      await first.stop();
      world.state.now -= aheadMs;
      world.start(jobs, { instanceId: 'another' });
      await ownerHasLooked(world);
      world.state.now += MINUTE_MS;
      await ownerHasLooked(world);
      return (await world.runs()).length;
    };
    assert.equal(await runsAfter(30 * MINUTE_MS), 1, 'the time has been kept');
    assert.equal(await runsAfter(30 * 24 * 60 * MINUTE_MS), 2, 'it is not waited for');
  });

  it('pass a time at which there is nothing worth it', async (t) => {
    const world = await jobsWorld(t);
    let isWorthwhile = false;
    world.start([job('a', '* * * * *', done, { isWorthwhile: async () => isWorthwhile })]);
    await ownerHasLooked(world);
    world.state.now += MINUTE_MS;
    await ownerHasLooked(world);
    assert.deepEqual(await world.runs(), []);
    isWorthwhile = true;
    world.state.now += MINUTE_MS;
    await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
  });

  it('run after so many events, counted from the last run, whoever the owner is', async (t) => {
    const world = await jobsWorld(t);
    const { interactions } = world.topics;
    const post = (count: number) =>
      writeRecords(
        world.log,
        interactions,
        Array.from({ length: count }, (_, n) => ({ key: `u${n}`, value: null, timestamp: n })),
      );
    const jobs = [job('a', 'every 10 events', done)];
    const first = world.start(jobs);
    await post(9);
    await ownerHasLooked(world);
    assert.deepEqual(await world.runs(), []);
    await post(2);
    const [run] = await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
    assert.deepEqual([run?.trigger, run?.cause], ['count', '11 new']);
    await first.stop();
    await post(9);
    world.start(jobs);
    world.state.now += 2 * MINUTE_MS;
    await ownerHasLooked(world);
    assert.equal((await world.runs()).length, 1);
    await post(1);
    await world.runsUntil((runs) => runs.length === 2);
  });

  it('run so long after their last run', async (t) => {
    const world = await jobsWorld(t);
    world.start([job('a', 'every 2 hours', done)]);
    await ownerHasLooked(world);
    world.state.now += 2 * 60 * MINUTE_MS - 1;
    await ownerHasLooked(world);
    assert.deepEqual(await world.runs(), []);
    world.state.now += 1;
    await world.runsUntil((runs) => runs.length === 1 && runs[0]?.trigger === 'interval');
  });

  it('run once for each start of a process, and once for each event', async (t) => {
    const world = await jobsWorld(t);
    await promoted(world, 'before');
    const jobs = [job('a', 'on start', done), job('b', 'on promoted', done)];
    const first = world.start(jobs);
    await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
    await first.stop();
    await promoted(world, 'meanwhile');
    world.start(jobs);
    const runs = await world.runsUntil((all) => all.length === 3 && all.every(isOver));
    assert.deepEqual(shown(runs).sort(), ['a start succeeded', 'a start succeeded', 'b event succeeded']);
    assert.equal(runs.find(({ trigger }) => trigger === 'event')?.cause, 'version meanwhile promoted');
  });

  it('run once for an event, whichever commit their process dies at', async (t) => {
    for (let at = 1; at <= 3; at++) {
      const world = await jobsWorld(t);
      const jobs = [job('a', 'on promoted', done)];
      const first = world.start(jobs);
      await ownerHasLooked(world);
      const died = Promise.withResolvers<void>();
      let commits = 0;
      t.after(() => watchFailpoints(undefined));
      watchFailpoints((name) => {
        if (name !== 'jobs.commit.after' || ++commits < at) return;
        watchFailpoints(undefined);
        first.kill();
        died.resolve();
        throw new Error('killed');
      });
      await promoted(world, 'a');
      await died.promise;
      world.start(jobs);
      await world.runsUntil((runs) => runs.length > 0 && runs.every(isOver));
      await ownerHasLooked(world);
      const came = (await world.runs()).map(({ trigger, status }) => `${trigger} ${status}`);
      assert.deepEqual(came, ['event succeeded'], `commit ${at}`);
    }
  });

  it('run by hand, also while they are paused; a pause lets their times pass', async (t) => {
    const world = await jobsWorld(t);
    const { metrics, stop } = world.start([job('a', '* * * * *', done)]);
    await ask(world, 'pause');
    await world.until(async () => /job_paused\{name="a"\} 1/.test(await metrics.render()) || undefined);
    const state = (await readJobStates(world)).get('a');
    assert.deepEqual([state?.paused, state?.actor, state?.reason], [true, 'ann', 'why not']);
    world.state.now += 10 * MINUTE_MS;
    const id = await ask(world, 'run');
    const [run] = await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
    assert.deepEqual([run?.run_id, run?.trigger, run?.cause], [id, 'request', 'ann: why not']);
    await stop();
    const second = world.start([job('a', '* * * * *', done)]);
    world.state.now += MINUTE_MS;
    await ask(world, 'resume');
    await world.until(
      async () => /job_paused\{name="a"\} 0/.test(await second.metrics.render()) || undefined,
    );
    assert.equal((await world.runs()).length, 1, 'the pause outlived its owner');
    world.state.now += MINUTE_MS;
    await world.runsUntil((runs) => runs.length === 2);
  });

  it('skip, queue or replace the run that is active, as their policy says', async (t) => {
    for (const overlap of ['skip', 'queue', 'replace'] as const) {
      const world = await jobsWorld(t);
      const { work, gates } = held();
      const { stop } = world.start([job('a', '* * * * *', work, { policy: { ...POLICY, overlap } })]);
      await ownerHasLooked(world);
      world.state.now += MINUTE_MS;
      await world.until(() => gates[0]);
      world.state.now += MINUTE_MS;
      await world.runsUntil((runs) => runs.length === 2);
      if (overlap === 'queue') {
        world.state.now += MINUTE_MS;
        await world.runsUntil((runs) => runs.length === 3);
        assert.equal(gates.length, 1, 'one at a time');
        gates[0]?.resolve({ text: '' });
      }
      if (overlap !== 'skip') await world.until(() => gates[1]);
      const came = {
        skip: ['a cron running', 'a cron skipped MR_JOB_OVERLAP'],
        queue: ['a cron succeeded', 'a cron running', 'a cron skipped MR_JOB_OVERLAP'],
        replace: ['a cron cancelled MR_JOB_CANCELLED', 'a cron running'],
      };
      assert.deepEqual(
        shown(await world.runsUntil((runs) => shown(runs).join() === came[overlap].join())),
        came[overlap],
      );
      await stop();
    }
  });

  it('of one lane never run side by side; those of others do', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    world.start([
      job('a', 'off', work, { lane: 'l' }),
      job('b', 'off', work, { lane: 'l' }),
      job('c', 'off', done),
    ]);
    await ask(world, 'run', 'a');
    await ask(world, 'run', 'b');
    await ask(world, 'run', 'c');
    await world.runsUntil((runs) => runs.some((run) => run.job === 'c' && run.status === 'succeeded'));
    assert.equal(gates.length, 1);
    gates[0]?.resolve({ text: '' });
    await world.until(() => gates[1]);
  });

  it('are skipped for work of their kind that no job began', async (t) => {
    const world = await jobsWorld(t);
    world.start([job('a', 'on start', done, { otherWork: async () => 'Run 3f2a' })]);
    const [run] = await world.runsUntil((runs) => runs.length === 1);
    assert.deepEqual([run?.status, run?.error], ['skipped', 'Run 3f2a was still active.']);
  });

  it('are tried again after what passes, as often as their policy says, and not after what lasts', async (t) => {
    const world = await jobsWorld(t);
    const away = new RetryableError('MR_JOB_INTERRUPTED', 'away');
    const errors: Error[] = [away, away];
    const failing = async () => {
      throw new FatalError('MR_JOB_ABANDONED', 'lasts');
    };
    const flaky = async () => {
      const error = errors.shift();
      if (error !== undefined) throw error;
      return { text: 'at last' };
    };
    const { metrics } = world.start([
      job('flaky', 'on start', flaky),
      job('away', 'on start', async () => {
        throw away;
      }),
      job('failing', 'on start', failing),
      job('idle', 'on start', async () => ({ text: 'nothing to do', isSkipped: true })),
      job('thrower', 'on start', () => {
        throw new Error('before any promise');
      }),
      job('silent', 'on start', () => Promise.reject(undefined)),
    ]);
    const runs = await world.runsUntil((all) => all.length === 6 && all.every(isOver));
    assert.deepEqual(
      runs.map(({ job: name, status, attempts, error_code }) => [name, status, attempts, error_code]),
      [
        ['flaky', 'succeeded', 3, 'MR_JOB_INTERRUPTED'],
        ['away', 'failed', 3, 'MR_JOB_INTERRUPTED'],
        ['failing', 'failed', 1, 'MR_JOB_ABANDONED'],
        ['idle', 'skipped', 1, null],
        ['thrower', 'failed', 1, 'MR_UNEXPECTED'],
        ['silent', 'failed', 1, 'MR_UNEXPECTED'],
      ],
    );
    const text = await metrics.render();
    assert.match(text, /millrace_job_retries_total\{name="flaky"\} 2/);
    assert.match(text, /millrace_job_runs_total\{name="failing",status="failed"\} 1/);
    assert.match(text, /millrace_job_failing\{name="failing"\} 1/);
    assert.match(text, /millrace_job_failing\{name="flaky"\} 0/);
  });

  it('have failed at their deadline, and the next run waits for work that does not end', async (t) => {
    const world = await jobsWorld(t);
    const stuck = Promise.withResolvers<{ text: string }>();
    let begun = 0;
    const work = () => {
      begun++;
      return begun === 1 ? stuck.promise : done();
    };
    world.start([job('a', 'off', work, { policy: { ...POLICY, deadlineMs: 1_000 } })]);
    await ask(world, 'run');
    const [run] = await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
    assert.deepEqual([run?.status, run?.error_code], ['failed', 'MR_JOB_DEADLINE']);
    await ask(world, 'run');
    await world.runsUntil((runs) => runs.length === 2);
    await ownerHasLooked(world);
    assert.equal(begun, 1);
    stuck.resolve({ text: 'too late' });
    const [late, next] = await world.runsUntil((runs) => runs.length === 2 && runs.every(isOver));
    assert.deepEqual([late?.status, late?.outcome, next?.status], ['failed', '', 'succeeded']);
  });

  it('are cancelled by hand, whether they work or wait', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    world.start([job('a', 'off', work)]);
    await ask(world, 'run');
    await ask(world, 'run');
    await world.until(() => gates[0]);
    await world.runsUntil((runs) => runs.length === 2);
    await ask(world, 'cancel');
    const runs = await world.runsUntil((all) => all.every(isOver));
    assert.deepEqual(shown(runs), Array(2).fill('a request cancelled MR_JOB_CANCELLED'));
    assert.equal(runs[0]?.error, 'The run was cancelled: ann requested it.');
    assert.deepEqual(
      (await world.acts()).map(({ act, subject, actor, result }) => [act, subject, actor, result].join(' ')),
      ['jobs run a ann done', 'jobs run a ann done', 'jobs cancel a ann done'],
    );
  });

  it('that are cancelled are told to end, and that their process goes on', async (t) => {
    const world = await jobsWorld(t);
    const contexts: JobContext[] = [];
    world.start([
      job('a', 'off', ({ ...context }) => {
        contexts.push(context);
        return new Promise((_, reject) =>
          context.signal.addEventListener('abort', () => reject(context.signal.reason)),
        );
      }),
    ]);
    await ask(world, 'run');
    const context = await world.until(() => contexts[0]);
    await ask(world, 'cancel');
    await world.until(() => context.signal.aborted || undefined);
    assert.deepEqual(
      [errorCode(context.signal.reason), context.stopping.aborted],
      ['MR_JOB_CANCELLED', false],
    );
  });

  it('by hand are not replaced by those that come due, which wait for them', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    world.start([job('a', '* * * * *', work, { policy: { ...POLICY, overlap: 'replace' } })]);
    await ask(world, 'run');
    const gate = await world.until(() => gates[0]);
    world.state.now += MINUTE_MS;
    await world.runsUntil((runs) => runs.length === 2);
    assert.deepEqual(shown(await world.runs()), ['a request running', 'a cron waiting']);
    gate.resolve({ text: '' });
    await world.until(() => gates[1]);
    assert.equal((await world.runs())[0]?.status, 'succeeded');
  });

  it('stay as they are when their process is stopped in order, and go on in the next', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    const { stop } = world.start([job('a', 'off', work)]);
    const id = await ask(world, 'run');
    await world.until(() => gates[0]);
    await stop();
    assert.deepEqual(
      (await world.runs()).map(({ status, attempts }) => [status, attempts]),
      [['waiting', 0]],
    );
    world.start([job('a', 'off', work)], { instanceId: 'another' });
    const gate = await world.until(() => gates[1]);
    gate.resolve({ text: 'after all' });
    const [run] = await world.runsUntil((runs) => runs.every(isOver));
    assert.deepEqual([run?.run_id, run?.status, run?.attempts, run?.owner], [id, 'succeeded', 1, 'another']);
  });

  it('are carried out by one process at a time', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    const first = world.start([job('a', '* * * * *', work)]);
    await ownerHasLooked(world);
    world.start([job('a', '* * * * *', work)], { instanceId: 'a-second' });
    world.state.now += MINUTE_MS;
    const gate = await world.until(() => gates[0]);
    gate.resolve({ text: '' });
    await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
    await first.stop();
    world.state.now += MINUTE_MS;
    await world.until(() => gates[1]);
    assert.deepEqual(
      (await world.runs()).map(({ owner }) => owner),
      ['main', 'a-second'],
    );
  });

  it('whose process died are found by the next owner: tried again, then failed; the dead one changes nothing any more', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    const policy = { ...POLICY, retries: 1 };
    const first = world.start([job('a', 'off', work, { policy })]);
    await ask(world, 'run');
    const dead = await world.until(() => gates[0]);
    first.kill();
    const second = world.start([job('a', 'off', work, { policy })]);
    const [again] = await world.runsUntil(([run]) => run?.attempts === 2);
    assert.deepEqual([again?.status, again?.error_code], ['running', 'MR_JOB_INTERRUPTED']);
    dead.resolve({ text: 'from the grave' });
    await world.until(() => gates[1]);
    second.kill();
    world.start([job('a', 'off', work, { policy })]);
    const [run] = await world.runsUntil((runs) => runs.every(isOver));
    assert.deepEqual(
      [run?.status, run?.error_code, run?.error, run?.outcome],
      ['failed', 'MR_JOB_ABANDONED', 'The run was begun 2 times, and the process ended each time.', ''],
    );
    assert.equal(gates.length, 2);
  });

  it('are begun once for each request, whichever commit their process dies at', async (t) => {
    for (const name of ['jobs.commit.before', 'jobs.commit.after']) {
      for (let at = 1; at <= 5; at++) {
        const world = await jobsWorld(t);
        const effects = new Set<string>();
        const jobs = [
          job('a', 'off', async ({ runId }) => {
            effects.add(runId);
            return { text: '' };
          }),
        ];
        let commits = 0;
        const dying = world.start(jobs);
        const died = Promise.withResolvers<true>();
        const watched = (reached: string) => {
          if (reached !== name || ++commits < at) return;
          watchFailpoints(undefined);
          dying.kill();
          died.resolve(true);
          throw new Error('killed');
        };
        watchFailpoints(watched);
        t.after(() => watchFailpoints(undefined));
        const ids = [await ask(world, 'run'), await ask(world, 'run')];
        await died.promise;
        world.start(jobs);
        const runs = await world.runsUntil((all) => all.length >= 2 && all.every(isOver));
        assert.deepEqual(runs.map(({ run_id }) => run_id).sort(), ids.toSorted(), `${name} ${at}`);
        assert.ok(
          runs.every(({ status }) => status === 'succeeded'),
          `${name} ${at}: ${shown(runs)}`,
        );
        assert.deepEqual([...effects].sort(), ids.toSorted());
      }
    }
  });

  it('that there are no longer are cancelled; requests for them are refused', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    const { stop } = world.start([job('a', 'off', work)]);
    await ask(world, 'run');
    await world.until(() => gates[0]);
    await stop();
    world.start([job('b', 'off', work)]);
    const [run] = await world.runsUntil((runs) => runs.every(isOver));
    assert.deepEqual([run?.status, run?.error_code], ['cancelled', 'MR_JOB_UNKNOWN']);
    const unknown = { kind: 'run', job: 'a', actor: 'ann' } as const;
    await assert.rejects(requestJob(world, [job('b', 'off', work)], unknown), {
      code: 'MR_JOB_UNKNOWN',
      hint: 'Jobs are b.',
    });
  });

  it('are remembered by their newest hundred runs each', async (t) => {
    const world = await jobsWorld(t);
    const { log, topics } = world;
    const before = Array.from({ length: 110 }, (_, n) => {
      const run = newRun({
        runId: `r${n}`,
        job: n < 108 ? 'a' : 'b',
        trigger: 'cron',
        cause: '',
        now: n,
        counted: [],
      });
      return { key: run.run_id, value: ended(run, 'failed', n), timestamp: n };
    });
    await writeRecords(log, topics['job-runs'], before);
    world.start([job('a', 'off', done), job('b', 'off', done)]);
    const id = await ask(world, 'run');
    const runs = await world.runsUntil((all) => all.some((run) => run.run_id === id && isOver(run)));
    assert.deepEqual([runs.length, runs[0]?.run_id], [103, 'r8']);
  });
});

async function promoted({ log, topics }: JobsWorld, version: string): Promise<void> {
  const candidate: Candidate = {
    version,
    snapshot_id: 's',
    model: 'test',
    directory: `versions/${version}`,
    dimension: 8,
    items: 1,
    protocol: 'p',
    metrics: {},
    popularity: {},
    decayed_popularity: {},
    role: 'retrieval',
    run_id: null,
    intervals: {},
    sizes: {},
    production: null,
  };
  const step = { ts: 0, command_id: 'c', reason: null, actor: null, previous: null, gates: [] };
  const steps = (['registered', 'promoted'] as const).map((status) => {
    return { key: version, value: { ...step, version, status, candidate }, timestamp: 0 };
  });
  await writeRecords(log, topics.versions, steps);
}
