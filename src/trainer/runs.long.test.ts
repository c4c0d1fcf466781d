import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownerHasLooked } from '#jobs/testing';
import { openVersion } from '#models';
import {
  example,
  MINUTE_MS,
  readAll,
  type SmallWorld,
  startMs,
  write,
  writeExamples,
} from '#offline/testing';
import { systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { type Candidate, commandOf, type Run, runRequest, type Version } from '#schemas';
import { readRuns } from './runs/ledger.ts';
import {
  clock,
  config,
  ends,
  isAllCommitted,
  jobRuns,
  published,
  publishSnapshot,
  trainerOf,
  whileRunning,
  whileScheduling,
  world,
} from './testing/running.ts';
import { defaultTraining } from './trainer-options.ts';

const endless = { ...config, epochs: 100_000 };
const HOUR_MS = 3_600_000;

async function command(
  { log, topics }: SmallWorld,
  id: string,
  said: Partial<ReturnType<typeof commandOf>> = {},
) {
  const wanted = commandOf({ command_id: id, ts: 0, kind: 'train', ...said });
  await write(log, topics.commands, [wanted], ({ command_id }) => command_id);
}

/** As the registry says it, which is not at work here. */
async function promote({ log, topics }: SmallWorld, candidate: Candidate | null = null) {
  assert.ok(candidate);
  const said = { reason: null, actor: null, previous: null, gates: [] };
  const { version } = candidate;
  const step: Version = { version, status: 'promoted', ts: 1, command_id: 'x', candidate, ...said };
  await write(log, topics.versions, [step], ({ version }) => version);
}

/** The run that is being trained. */
const underWay = (opened: SmallWorld) =>
  eventually(async () => {
    const points = await readAll(opened.log, opened.topics['run-progress']);
    const runs = await readRuns(opened);
    return runs.find(
      ({ run_id, status }) => status === 'running' && points.some(({ key }) => key === run_id),
    );
  });

test('runs that are at work or wait can be cancelled: nothing is published, and the next one goes on', async (t) => {
  const opened = await world(t);
  const cancel = (run: Run | undefined) =>
    command(opened, `cancel-${run?.run_id}`, {
      kind: 'cancel',
      run: runRequest({ run_id: run?.run_id ?? '' }),
    });
  await whileRunning(trainerOf(opened), async () => {
    await command(opened, 'first', { run: runRequest({ config: JSON.stringify(endless) }) });
    await command(opened, 'second', { seed: 2 });
    await command(opened, 'third', { seed: 3 });
    const first = await underWay(opened);
    const [, second] = await eventually(async () => {
      const runs = await readRuns(opened);
      return runs.length === 3 ? runs : undefined;
    });
    await cancel(second);
    await cancel(first);
    await eventually(() => isAllCommitted(opened));
    assert.ok(!existsSync(join(opened.dataDirectory, 'runs', first.run_id)), 'its checkpoints are gone');
  });
  assert.deepEqual(await ends(opened), [
    'command cancelled MR_RUN_CANCELLED',
    'command cancelled MR_RUN_CANCELLED',
    'command succeeded',
  ]);
  assert.equal((await published(opened)).length, 1);
});

test('a run that is not done in time has failed', async (t) => {
  const opened = await world(t);
  const training = { ...defaultTraining, deadlineMs: 1 };
  const trainer = trainerOf(opened, { training, config: endless });
  await whileRunning(trainer, () => assert.rejects(trainer.train({ seed: 1 }), { code: 'MR_RUN_DEADLINE' }));
  assert.deepEqual(await ends(opened), ['command failed MR_RUN_DEADLINE']);
  assert.deepEqual(await published(opened), []);
});

test('a run that fails says why, publishes nothing, and leaves the version in force alone', async (t) => {
  const opened = await world(t);
  const trainer = trainerOf(opened, { training: { ...defaultTraining, checkpointSteps: 1 } });
  const diverging = { learningRate: 1e30, epochs: 20 };
  await whileRunning(trainer, () =>
    assert.rejects(trainer.train({ seed: 1, config: diverging }), { code: 'MR_MODEL_DIVERGED' }),
  );
  const [run] = await readRuns(opened);
  assert.deepEqual([run?.status, run?.step, run?.error?.code], ['failed', 'train', 'MR_MODEL_DIVERGED']);
  assert.match(run?.steps[1]?.error ?? '', /^MR_MODEL_DIVERGED: the loss is/);
  assert.deepEqual(await published(opened), []);
  assert.deepEqual(await readAll(opened.log, opened.topics.versions), []);
  assert.ok(!existsSync(join(opened.dataDirectory, 'runs', run?.run_id ?? '')));
});

test('what is due while another run is at work is skipped, waits, or takes its place', async (t) => {
  for (const overlap of ['skip', 'queue', 'cancel'] as const) {
    const opened = await world(t);
    let now = startMs;
    const training = { ...defaultTraining, schedule: '0 * * * *', overlap };
    const scheduled = { training, clock: { ...clock, now: () => now } };
    const came = {
      skip: /^snapshot running,training cron skipped MR_JOB_OVERLAP$/,
      queue: /^snapshot running,schedule waiting,training cron running$/,
      cancel: /^snapshot cancelled MR_RUN_CANCELLED,schedule (waiting|running),training cron running$/,
    };
    const state = async () => [...(await ends(opened)), ...(await jobRuns(opened))].join();
    await whileRunning(trainerOf(opened, { ...scheduled, config: endless }), () =>
      whileScheduling(opened, scheduled, async () => {
        await publishSnapshot(opened);
        await underWay(opened);
        await writeExamples(opened, [example('u1', 'i0', startMs + 1)]);
        await ownerHasLooked(opened);
        now += HOUR_MS;
        await eventually(async () => (came[overlap].test(await state()) ? true : undefined));
      }),
    );
  }
});

test('two models are trained side by side on one snapshot, each a run of its own', async (t) => {
  const opened = await world(t);
  const training = { ...defaultTraining, models: ['two-tower', 'sequential'] as const };
  // A sequence at a time, so that the sequential model is the last to be judged.
  const trainer = trainerOf(opened, { training, config: { ...config, epochs: 8, batchRows: 1 } });
  await whileRunning(trainer, async () => {
    await command(opened, 'both');
    const [publish] = await eventually(async () => {
      const all = await published(opened);
      return all.length > 0 ? all : undefined;
    });
    await promote(opened, publish?.candidate);
    await eventually(() => isAllCommitted(opened));
  });
  const runs = await readRuns(opened);
  assert.deepEqual(
    runs.map(({ model, status, error }) => [model, status, error?.message]),
    [
      ['two-tower', 'succeeded', undefined],
      ['sequential', 'succeeded', undefined],
    ],
  );
  const [first, second] = runs;
  assert.equal(first?.job_id, second?.job_id);
  assert.equal(first?.snapshot_id, second?.snapshot_id);
  assert.equal((await readAll(opened.log, opened.topics.snapshots)).length, 1);
  const times = (run: Run | undefined) => run?.steps.find(({ name }) => name === 'train');
  assert.ok((times(first)?.started ?? 0) < (times(second)?.ended ?? 0), 'none waits for the other');
  assert.ok((times(second)?.started ?? 0) < (times(first)?.ended ?? 0));
  const candidates = (await published(opened)).map(({ candidate }) => candidate);
  assert.deepEqual(candidates.map((each) => each?.model).toSorted(), ['sequential', 'two-tower']);
  assert.deepEqual(
    candidates.map((each) => each?.production),
    [null, null],
    'none was in force when the first was judged',
  );
});

/** Whoever reads the log sees a snapshot for a moment before the process that has written it goes on. */
function slowToHear(log: SmallWorld['log']): SmallWorld['log'] {
  const bound = (target: object, name: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, name);
    return typeof value === 'function' ? value.bind(target) : value;
  };
  return new Proxy(log, {
    get: (target, name) => {
      if (name !== 'transactionalProducer') return bound(target, name);
      return async (id: string) => {
        const producer = await target.transactionalProducer(id);
        let announces = false;
        const append: typeof producer.append = (topic, ...rest) => {
          announces ||= topic === 'snapshots';
          producer.append(topic, ...rest);
        };
        const commit = async () => {
          const appended = await producer.commit();
          if (announces) await systemClock.sleep(1000);
          announces = false;
          return appended;
        };
        const slow = { append, commit };
        return new Proxy(producer, {
          get: (own, name) => (name in slow ? slow[name as keyof typeof slow] : bound(own, name)),
        });
      };
    },
  });
}

test('a snapshot that a run has taken is trained on by nobody else, however late its process hears of its own commit', async (t) => {
  const opened = await world(t);
  await whileRunning(trainerOf({ ...opened, log: slowToHear(opened.log) }), async () => {
    await command(opened, 'once', { seed: 3 });
    await eventually(async () => ((await published(opened)).length > 0 ? true : undefined));
    await eventually(() => isAllCommitted(opened));
  });
  assert.deepEqual(await ends(opened), ['command succeeded']);
});

test('a trial is judged by the validation part, and published never', async (t) => {
  const opened = await world(t);
  await whileRunning(trainerOf(opened), async () => {
    const request = runRequest({ config: JSON.stringify({ dim: 4 }), search: 'a-search' });
    await command(opened, 'trial', { run: request });
    await eventually(() => isAllCommitted(opened));
  });
  const [run] = await readRuns(opened);
  assert.deepEqual(
    [run?.pipeline, run?.search, run?.status, run?.version],
    ['search', 'a-search', 'succeeded', null],
  );
  assert.ok((run?.metrics['recall@10'] ?? -1) >= 0);
  assert.equal(JSON.parse(run?.config ?? '').dim, 4);
  assert.deepEqual(await published(opened), []);
  assert.ok(!existsSync(join(opened.dataDirectory, 'versions')));
  const curves = (await readAll(opened.log, opened.topics['run-progress'])).map(({ value }) => value?.values);
  assert.ok(curves.some((values) => values?.['recall@10'] !== undefined));
});

test('a refresh goes on from the version in force with new examples alone, and is compared with it on the same rows', async (t) => {
  const opened = await world(t);
  const { log, topics, dataDirectory } = opened;
  let now = startMs + HOUR_MS;
  const moved = { ...clock, now: () => now };
  const training = { ...defaultTraining, refresh: '*/15 * * * *', refreshExamples: 48 };
  await whileRunning(trainerOf(opened, { training, clock: moved, config: { ...config, epochs: 20 } }), () =>
    whileScheduling(opened, { training, clock: moved }, async () => {
      await command(opened, 'full');
      const [publish] = await eventually(async () => {
        const all = await published(opened);
        return (await isAllCommitted(opened)) && all.length > 0 ? all : undefined;
      });
      assert.ok(publish?.candidate);
      assert.equal(publish.candidate.production, null);
      await promote(opened, publish.candidate);
      now += 15 * MINUTE_MS;
      const fresh = Array.from({ length: 48 }, (_, n) =>
        example(`u${n % 24}`, `i${(n * 7) % 30}`, startMs + (n - 100) * MINUTE_MS),
      );
      await writeExamples(opened, fresh);
      await ownerHasLooked(opened);
      now += 15 * MINUTE_MS;
      await eventually(async () => ((await published(opened)).length === 2 ? true : undefined));
      await eventually(() => isAllCommitted(opened));
    }),
  );
  const [full, refresh, ...more] = await readRuns(opened);
  assert.deepEqual(more, []);
  assert.deepEqual(
    [refresh?.pipeline, refresh?.trigger, refresh?.base],
    ['refresh', 'schedule', full?.version],
  );
  const candidate = (await published(opened)).at(-1)?.candidate;
  assert.equal(candidate?.production?.version, full?.version);
  assert.deepEqual(Object.keys(candidate?.production?.differences ?? {}).sort(), [
    'auc',
    'ndcg@10',
    'recall@10',
    'recall@100',
    'sampled-ndcg@10',
  ]);
  const { mean = 9, low = 9, high = 9 } = candidate?.production?.differences['recall@10'] ?? {};
  assert.ok(low <= mean && mean <= high);
  const ours = candidate?.metrics['recall@10'] ?? 0;
  const theirs = candidate?.production?.metrics['recall@10'] ?? 0;
  assert.ok(Math.abs(ours - theirs - mean) < 1e-9);
  const files = await openVersion(join(dataDirectory, candidate?.directory ?? ''));
  assert.match(
    files.read('card.md').toString(),
    new RegExp(`began with the weights of version .${full?.version}`),
  );
  const losses = (await readAll(log, topics['run-progress'])).filter(({ key }) => key === refresh?.run_id);
  const steps = losses.map(({ value }) => value?.of_steps ?? 0);
  assert.ok(Math.max(...steps) <= 4, 'new examples alone: a batch an epoch');
});
