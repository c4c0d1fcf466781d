import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAll, write } from '#offline/testing';
import { eventually } from '#platform/testing';
import { commandOf, type Run, runRequest } from '#schemas';
import { newRuns } from '../runs/run.ts';
import { clock, config, publishSnapshot, world } from '../testing/running.ts';
import { defaultTraining } from '../trainer-options.ts';
import { declareTrainingJobs } from './declared.ts';
import { ExamplesSinceSnapshot } from './examples-since-snapshot.ts';
import { openTrainingJobs } from './training-jobs.ts';

const HOUR_MS = 3_600_000;
const runOf = (commandId: string): Run => {
  const [run = assert.fail()] = newRuns({
    pipeline: 'training',
    trigger: 'schedule',
    models: ['two-tower'],
    seed: 1,
    now: 0,
    commandId,
    configOf: () => JSON.stringify(config),
  });
  return { ...run, status: 'running' };
};

test('a training that takes the place of others is not cancelled by its own next owner', async (t) => {
  const opened = await world(t, false);
  const { log, topics } = opened;
  const [own, other] = [runOf('job-r1'), runOf('job-r0')];
  const sent = commandOf({
    command_id: 'job-r1',
    ts: 0,
    kind: 'train',
    run: runRequest({ pipeline: 'training', trigger: 'schedule' }),
  });
  await write(log, topics.commands, [sent], ({ command_id }) => command_id);
  const change = (...runs: Run[]) => write(log, topics.runs, runs, ({ run_id }) => run_id);
  await change(own, other);
  const training = { ...defaultTraining, overlap: 'cancel' } as const;
  const jobs = await openTrainingJobs({ ...opened, clock, training }, declareTrainingJobs({ training }));
  const job = jobs.find(({ name }) => name === 'training') ?? assert.fail();
  const { signal } = new AbortController();
  const working = job.work({ runId: 'r1', trigger: 'cron', signal, stopping: signal });
  const commands = async () => (await readAll(log, topics.commands)).map(({ key }) => key);
  await eventually(async () => (await commands()).includes(`cancel-${other.run_id}`) || undefined);
  await change({ ...own, status: 'succeeded', version: 'v1' });
  assert.equal((await working).text, 'version v1 (two-tower)');
  assert.deepEqual(await commands(), ['job-r1', `cancel-${other.run_id}`]);
  for (const { progress } of jobs) await progress?.close();
});

test('the age of the last snapshot goes on across starts', async (t) => {
  const opened = await world(t);
  const startedMs = Date.now() + 24 * HOUR_MS;
  const later = { ...opened, clock: { ...clock, now: () => startedMs } };
  const without = await ExamplesSinceSnapshot.open(later);
  assert.equal(await without.lastMs(), startedMs);
  await without.close();
  const { ts } = await publishSnapshot(opened);
  const count = await ExamplesSinceSnapshot.open(later);
  assert.equal(await count.lastMs(), ts);
  await count.close();
});
