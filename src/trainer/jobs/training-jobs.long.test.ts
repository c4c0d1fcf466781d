import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readJobRuns, requestJob } from '#jobs';
import { readAll, type SmallWorld } from '#offline/testing';
import { eventually } from '#platform/testing';
import { readRuns } from '../runs/ledger.ts';
import {
  clock,
  config,
  ends,
  jobRuns,
  published,
  trainerOf,
  whileRunning,
  whileScheduling,
  world,
} from '../testing/running.ts';
import { declareTrainingJobs } from './declared.ts';

const endless = { ...config, epochs: 100_000 };

const ask = (opened: SmallWorld, kind: 'run' | 'cancel', job: string) =>
  requestJob({ ...opened, clock }, Object.values(declareTrainingJobs({})), { kind, job, actor: 'ann' });

const underWay = (opened: SmallWorld) =>
  eventually(async () => (await readRuns(opened)).find(({ status }) => status === 'running'));

const haveEnded = (opened: SmallWorld, ...wanted: string[]) =>
  eventually(async () => ((await jobRuns(opened)).join() === wanted.join() ? true : undefined));

test('a training that an owner of the jobs has begun is followed by the next one, and trained once', async (t) => {
  const opened = await world(t);
  await whileScheduling(opened, {}, async () => {
    await ask(opened, 'run', 'training');
    await eventually(async () => (await readAll(opened.log, opened.topics.commands))[0]);
  });
  assert.deepEqual(await jobRuns(opened), ['training request waiting']);
  await whileRunning(trainerOf(opened), () =>
    whileScheduling(opened, {}, () => haveEnded(opened, 'training request succeeded')),
  );
  assert.deepEqual(await ends(opened), ['schedule succeeded']);
  const [publish] = await published(opened);
  const [run] = await readJobRuns(opened);
  assert.equal(run?.outcome, `version ${publish?.candidate?.version} (two-tower)`);
});

test('a training that is cancelled as a job is cancelled at the trainer, which goes on to the next', async (t) => {
  const opened = await world(t);
  await whileRunning(trainerOf(opened, { config: endless }), () =>
    whileScheduling(opened, {}, async () => {
      await ask(opened, 'run', 'training');
      await underWay(opened);
      await ask(opened, 'cancel', 'training');
      await eventually(async () =>
        (await ends(opened)).join() === 'schedule cancelled MR_RUN_CANCELLED' ? true : undefined,
      );
      await haveEnded(opened, 'training request cancelled MR_JOB_CANCELLED');
      await ask(opened, 'run', 'snapshot');
      await haveEnded(opened, 'training request cancelled MR_JOB_CANCELLED', 'snapshot request succeeded');
    }),
  );
});

test('a job has failed where the trainer refuses its command or the training fails', async (t) => {
  const opened = await world(t);
  const diverging = { ...config, learningRate: 1e30, epochs: 20 };
  await whileRunning(trainerOf(opened, { config: diverging }), () =>
    whileScheduling(opened, {}, async () => {
      for (const job of ['reindex', 'refresh', 'training']) {
        await ask(opened, 'run', job);
        await eventually(async () =>
          (await readJobRuns(opened)).find((run) => run.job === job && run.ended !== null),
        );
      }
    }),
  );
  assert.deepEqual(await jobRuns(opened), [
    'reindex request failed MR_REINDEX_NO_VERSION',
    'refresh request failed MR_TRAINING_NO_BASE',
    'training request failed MR_MODEL_DIVERGED',
  ]);
});
