import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { writeRecords } from '#engine';
import { requestJob } from './request.ts';
import { isOver } from './run.ts';
import { done, held, type JobsWorld, job, jobsWorld, ownerHasLooked, POLICY } from './testing/index.ts';

const MINUTE_MS = 60_000;

const ask = (world: JobsWorld, kind: 'run' | 'cancel') =>
  requestJob(world, [job('a', 'off', done)], { kind, job: 'a', actor: 'ann' });

const post = ({ log, topics }: JobsWorld, count: number) =>
  writeRecords(
    log,
    topics.interactions,
    Array.from({ length: count }, (_, n) => ({ key: `u${n}`, value: null, timestamp: n })),
  );

describe('a job that is due by how much is new', { timeout: 180_000 }, () => {
  it('is not due while a run of it is active, also where another one was skipped for that', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    world.start([job('a', '*/5 * * * *; every 10 events', work)]);
    await ownerHasLooked(world);
    world.state.now += MINUTE_MS;
    await world.until(() => gates[0]);
    world.state.now += 5 * MINUTE_MS;
    await world.runsUntil((runs) => runs.length === 2);
    await post(world, 20);
    world.state.now += 2 * MINUTE_MS;
    await ownerHasLooked(world);
    await ownerHasLooked(world);
    assert.deepEqual(
      (await world.runs()).map(({ trigger, status }) => `${trigger} ${status}`),
      ['cron running', 'cron skipped'],
    );
    gates[0]?.resolve({ text: '' });
  });

  it('counts from its last run that began, not from one that was skipped or cancelled before', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    world.start([job('a', '0 3 * * *; every 10 events', work)]);
    await ask(world, 'run');
    const gate = await world.until(() => gates[0]);
    await post(world, 9);
    world.state.now += MINUTE_MS;
    await world.runsUntil((runs) => runs.length === 2 && runs[1]?.status === 'skipped');
    gate.resolve({ text: '' });
    await world.runsUntil((runs) => runs.every(isOver));
    world.state.now += 2 * MINUTE_MS;
    await ownerHasLooked(world);
    assert.equal((await world.runs()).length, 2);
    await post(world, 1);
    const [, , run] = await world.runsUntil((runs) => runs.length === 3);
    assert.deepEqual([run?.trigger, run?.cause], ['count', '10 new']);
  });

  it('rests a minute after its last run, whatever is new', async (t) => {
    const world = await jobsWorld(t);
    world.start([job('a', 'every 1 events', done)]);
    await post(world, 1);
    await world.runsUntil((runs) => runs.length === 1 && runs.every(isOver));
    await post(world, 1);
    world.state.now += MINUTE_MS - 1;
    await ownerHasLooked(world);
    assert.equal((await world.runs()).length, 1);
    world.state.now += 1;
    await world.runsUntil((runs) => runs.length === 2);
  });
});

describe('the metrics of a job', { timeout: 180_000 }, () => {
  it('show it at work while others are skipped', async (t) => {
    const world = await jobsWorld(t);
    const { work, gates } = held();
    const { metrics } = world.start([
      job('a', '* * * * *', work, { policy: { ...POLICY, overlap: 'skip' } }),
    ]);
    await ownerHasLooked(world);
    world.state.now += MINUTE_MS;
    await world.until(() => gates[0]);
    world.state.now += MINUTE_MS;
    await world.runsUntil((runs) => runs.length === 2);
    assert.match(await metrics.render(), /job_running\{name="a"\} 1/);
    gates[0]?.resolve({ text: '' });
    await world.runsUntil((runs) => runs.every(isOver));
    await world.until(async () => /job_running\{name="a"\} 0/.test(await metrics.render()) || undefined);
  });
});
