import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readJobRuns } from '#jobs';
import { ownerHasLooked } from '#jobs/testing';
import { recordsIn } from '#log/testing';
import { localArtifacts } from '#models';
import {
  announce,
  example,
  fillSmallWorld,
  MINUTE_MS,
  readAll,
  type SmallWorld,
  smallExamples,
  startMs,
  write,
  writeExamples,
} from '#offline/testing';
import { eventually } from '#platform/testing';
import { type Command, commandOf, type Example, runRequest } from '#schemas';
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
  whileDeciding,
  whileRunning,
  whileScheduling,
  world,
} from './testing/running.ts';
import { trainFromSnapshot } from './thread/run-thread.ts';
import { defaultPlan, defaultTraining, type SnapshotPlan } from './trainer-options.ts';

test('a train command takes a snapshot, trains it with its seed, and gets its decision', async (t) => {
  const opened = await world(t);
  const trainer = trainerOf(opened);
  const result = await whileDeciding(opened, () =>
    whileRunning(trainer, async () => {
      const first = await trainer.train({ seed: 7 });
      assert.deepEqual(await trainer.train({ seed: 7 }), first, 'there is nothing new to learn');
      return first;
    }),
  );
  const [publish, ...more] = await published(opened);
  assert.deepEqual(more, [], 'what was trained is not trained again');
  const candidate = publish?.candidate;
  assert.equal(result.version, candidate?.version);
  assert.equal(result.protocol, 'per-user-last-20%');
  assert.deepEqual(result.model, candidate?.metrics);
  assert.deepEqual(result.popularity, candidate?.popularity);
  assert.deepEqual(result.decayedPopularity, candidate?.decayed_popularity);
  assert.equal(result.decision.status, 'promoted');
  assert.equal(result.decision.command_id, publish?.command_id);
  assert.deepEqual(readdirSync(join(opened.dataDirectory, 'versions')), [result.version]);
});

test('a new snapshot is trained with the default seed; a restart trains nothing again', async (t) => {
  const opened = await world(t);
  const snapshot = await publishSnapshot(opened);
  await whileRunning(trainerOf(opened), () => eventually(() => isAllCommitted(opened)));
  const before = await published(opened);
  assert.deepEqual(
    before.map(({ candidate }) => candidate?.snapshot_id),
    [snapshot.snapshot_id],
  );
  rmSync(join(opened.dataDirectory, 'versions'), { recursive: true });
  const nothing = await publishNothing(opened);
  await whileRunning(trainerOf(opened), () => eventually(() => isAllCommitted(opened)));
  assert.deepEqual(await published(opened), [...before, nothing]);
  assert.ok(!readdirSync(opened.dataDirectory).includes('versions'));
});

test('a run that is stopped in the middle goes on after the restart, to the version of an undisturbed one', async (t) => {
  const opened = await world(t);
  const begun = Promise.withResolvers<void>();
  const begin = (done: number) => done > 3 && begun.resolve();
  const long = { ...config, epochs: 60 };
  const training = { ...defaultTraining, checkpointSteps: 2 };
  const first = trainerOf(opened, {
    training,
    config: long,
    progress: {
      start: (label) => ({ advance() {}, update: label === 'Training' ? begin : () => {}, done() {} }),
    },
  });
  const [interrupted] = await whileRunning(first, async () => {
    const running = first.train({ seed: 5 });
    await begun.promise;
    return [assert.rejects(running, { code: 'MR_TRAINER_STOPPED' })] as const;
  });
  await interrupted;
  assert.deepEqual(await published(opened), []);
  assert.deepEqual(await ends(opened), ['command running']);

  // Whatever it would train by itself: the run has its own configuration.
  await whileRunning(trainerOf(opened, { training }), () => eventually(() => isAllCommitted(opened)));
  const [publish, ...more] = await published(opened);
  assert.deepEqual(more, [], 'the command is carried out once');
  const [run] = await readRuns(opened);
  assert.deepEqual(
    run?.steps.map(({ name, status, attempts }) => [name, status, attempts]),
    [
      ['snapshot', 'succeeded', 2],
      ['train', 'succeeded', 2],
      ['evaluate', 'succeeded', 1],
      ['publish', 'succeeded', 1],
    ],
  );
  const points = (await readAll(opened.log, opened.topics['run-progress'])).map(
    ({ value }) => value?.at_step,
  );
  assert.ok(Math.max(...points.map(Number)) >= 60);
  assert.ok(points.filter((step) => step === 1).length === 1, 'it did not begin anew');
  const announced = await readAll(opened.log, opened.topics.snapshots);
  assert.equal(announced.length, 1);
  assert.ok(announced[0]?.value);
  const { dataDirectory } = opened;
  const { candidate } = await trainFromSnapshot(announced[0].value, { dataDirectory, seed: 5, config: long });
  assert.equal(publish?.candidate?.version, candidate.version, 'with the seed of the command');
  assert.equal(publish?.candidate?.run_id, run?.run_id);
  assert.deepEqual(readdirSync(join(dataDirectory, 'runs')), [], 'its checkpoints are gone');
});

test('a second trainer stands by, and goes on where the first has ended', async (t) => {
  const opened = await world(t);
  const second = trainerOf(opened, { instanceId: 'a-second', seed: 2 });
  const stop = new AbortController();
  let standingBy: Promise<void> | undefined;
  await whileRunning(trainerOf(opened), async () => {
    await publishSnapshot(opened);
    standingBy = second.run(stop.signal);
    await eventually(() => isAllCommitted(opened));
  });
  await writeExamples(opened, [example('u1', 'i0', startMs)]);
  await publishSnapshot(opened);
  await eventually(async () => ((await published(opened)).length === 2 ? true : undefined));
  stop.abort();
  await standingBy;
  const versions = (await published(opened)).map(({ candidate }) => candidate?.version ?? '');
  const seeds = versions.map(
    async (version) =>
      (await localArtifacts(join(opened.dataDirectory, 'versions')).open(version)).manifest.seed,
  );
  assert.deepEqual(await Promise.all(seeds), [1, 2]);
});

test('what can not be trained says why in its run, and the trainer goes on', async (t) => {
  const opened = await world(t, false);
  const trainer = trainerOf(opened);
  await whileRunning(trainer, async () => {
    await assert.rejects(trainer.train({ seed: 1 }), { code: 'MR_SNAPSHOT_EMPTY' });
    await fillSmallWorld(opened);
    const snapshot = await publishSnapshot(opened);
    await eventually(async () => (await published(opened))[0]);
    const damaged = { ...snapshot, snapshot_id: 'damaged', directory: 'snapshots/nowhere' };
    await write(opened.log, opened.topics.snapshots, [damaged], ({ snapshot_id }) => snapshot_id);
    const unknown = runRequest({ models: ['oracle'] });
    const wanted = commandOf({ command_id: 'train-oracle', ts: 0, kind: 'train', run: unknown });
    await write(opened.log, opened.topics.commands, [wanted], ({ command_id }) => command_id);
    await eventually(() => isAllCommitted(opened));
  });
  assert.deepEqual(await ends(opened), [
    'command skipped MR_SNAPSHOT_EMPTY',
    'snapshot succeeded',
    'snapshot failed MR_SNAPSHOT_CORRUPT',
  ]);
  const letters = await readAll(opened.log, opened.topics['dead-letters']);
  assert.deepEqual(
    letters.map(({ value }) => [value?.topic, value?.operator, value?.reason]),
    [['commands', 'trainer', 'MR_MODEL_CONFIG']],
  );
  const [raw] = await recordsIn(opened.log, { topic: 'dead-letters', partition: 0 });
  const headers = new Map(raw?.record.headers.map(([name, value]) => [name, value.toString()]));
  assert.equal(headers.size, 6);
  assert.equal(headers.get('__streams.errors.exception'), 'MR_MODEL_CONFIG');
  assert.equal(headers.get('__streams.errors.offset'), String(letters[0]?.value?.offset));
  assert.equal((await published(opened)).length, 1);
});

test('waiting for a training can be given up', async (t) => {
  const opened = await world(t);
  const controller = new AbortController();
  const reason = new Error('enough');
  const waiting = trainerOf(opened).train({ seed: 1 }, controller.signal);
  controller.abort(reason);
  await assert.rejects(waiting, reason);
});

test('a snapshot command takes one as it asks for, which is announced with its name and trained', async (t) => {
  const opened = await world(t);
  const trainer = trainerOf(opened);
  const request = {
    split: 'by_time',
    uniform_negatives: null,
    popular_negatives: null,
    co_visit_negatives: null,
    source_negatives: null,
  } as const;
  const taken = await whileRunning(trainer, async () => {
    const snapshot = await trainer.takeSnapshot(request);
    await eventually(async () => (await published(opened))[0]);
    await eventually(() => isAllCommitted(opened));
    return snapshot;
  });
  assert.equal(taken.protocol, 'by-time-last-20%');
  const [announced, ...more] = await readAll(opened.log, opened.topics.snapshots);
  assert.deepEqual([announced?.value, more], [taken, []]);
  const [command] = await readAll(opened.log, opened.topics.commands);
  assert.equal(taken.command_id, command?.key);
  assert.deepEqual(
    (await published(opened)).map(({ candidate }) => candidate?.snapshot_id),
    [taken.snapshot_id],
  );
});

test('nobody trains on a suspect snapshot, unless told to', async (t) => {
  const opened = await world(t);
  const odd = example('u1', 'i0', startMs);
  await writeExamples(opened, [{ ...odd, item: { ...odd.item, popularity: Number.NaN } }]);
  const trainer = trainerOf(opened);
  await whileRunning(trainer, async () => {
    await assert.rejects(trainer.train({ seed: 1 }), {
      code: 'MR_SNAPSHOT_SUSPECT',
      message: /item_popularity: 1 of 241 values are not finite numbers/,
    });
    await publishSnapshot(opened);
    await eventually(() => isAllCommitted(opened));
    assert.deepEqual(await published(opened), []);
    assert.deepEqual(await ends(opened), ['command skipped MR_SNAPSHOT_SUSPECT']);
    const enough = new AbortController();
    const forced = assert.rejects(trainer.train({ seed: 3, force: true }, enough.signal));
    await eventually(async () => (await published(opened))[0]);
    enough.abort();
    await forced;
  });
});

const plan = (changes: Partial<SnapshotPlan>): SnapshotPlan => ({ ...defaultPlan, ...changes });

test('after so many new examples a snapshot is taken, once, whoever is the trainer and owns the jobs; heartbeats count for nothing', async (t) => {
  const opened = await world(t);
  const snapshots = plan({ everyExamples: 240 });
  const announced = async () => (await readAll(opened.log, opened.topics.snapshots)).length;
  let now = startMs;
  const scheduled = { snapshots, clock: { ...clock, now: () => now } };
  await whileRunning(trainerOf(opened, { snapshots }), () =>
    whileScheduling(opened, scheduled, async () => {
      await eventually(async () => ((await published(opened)).length === 1 ? true : undefined));
      await eventually(async () =>
        (await jobRuns(opened))[0] === 'training count succeeded' ? true : undefined,
      );
    }),
  );
  now += MINUTE_MS;
  for (let minute = 241; minute < 500; minute++) await announce(opened, startMs + minute * MINUTE_MS);
  await writeExamples(opened, smallExamples().slice(0, 239).map(later));
  await whileRunning(trainerOf(opened, { snapshots, instanceId: 'a-second' }), () =>
    whileScheduling(opened, scheduled, async () => {
      await ownerHasLooked(opened);
      assert.equal(await announced(), 1, 'the next owner counts from there');
      await writeExamples(opened, smallExamples().slice(239).map(later));
      await announce(opened, startMs + 1000 * MINUTE_MS);
      await eventually(async () => ((await announced()) === 2 ? true : undefined));
      await eventually(async () => ((await published(opened)).length === 2 ? true : undefined));
    }),
  );
  const times = (await readAll(opened.log, opened.topics.snapshots)).map(
    ({ value }) => value?.files[0]?.rows,
  );
  assert.deepEqual(times, [240, 480]);
});

test('a snapshot is taken when the last is so old; with nothing to take it is put off', async (t) => {
  const opened = await world(t, false);
  let now = startMs;
  const moved = { ...clock, now: () => now };
  const snapshots = plan({ everyMs: 3_600_000 });
  const announced = async () => (await readAll(opened.log, opened.topics.snapshots)).length;
  const ended = (count: number) =>
    eventually(async () => {
      const runs = await readJobRuns(opened);
      return runs.length === count && runs.every(({ status }) => status !== 'running' && status !== 'waiting')
        ? true
        : undefined;
    });
  await whileRunning(trainerOf(opened, { clock: moved, snapshots }), () =>
    whileScheduling(opened, { clock: moved, snapshots }, async () => {
      await ownerHasLooked(opened);
      now += 3_600_000;
      await ended(1);
      assert.deepEqual([await announced(), await jobRuns(opened)], [0, ['training interval skipped']]);
      await fillSmallWorld(opened);
      now += 59_999;
      await ownerHasLooked(opened);
      assert.equal(await announced(), 0);
      now += 1;
      await ended(2);
      assert.equal(await announced(), 1);
      const [taken] = await readAll(opened.log, opened.topics.snapshots);
      now = (taken?.value?.ts ?? 0) + 3_599_999;
      await ownerHasLooked(opened);
      assert.equal(await announced(), 1);
      now += 1;
      await eventually(async () => ((await announced()) === 2 ? true : undefined));
    }),
  );
  assert.deepEqual(await readAll(opened.log, opened.topics['dead-letters']), []);
});

test('old snapshots are removed when they are trained', async (t) => {
  const opened = await world(t);
  const trainer = trainerOf(opened, { snapshots: plan({ keep: 2 }) });
  const ids: string[] = [];
  await whileRunning(trainer, async () => {
    for (let minute = 0; minute < 3; minute++) {
      await writeExamples(opened, [example('u1', 'i0', startMs + minute)]);
      ids.push((await publishSnapshot(opened)).snapshot_id);
      await eventually(async () => ((await published(opened)).length === ids.length ? true : undefined));
    }
    const kept = ids.slice(1).sort().join();
    await eventually(async () => {
      const found = readdirSync(join(opened.dataDirectory, 'snapshots')).sort().join();
      return found === kept || undefined;
    });
  });
});

/** An example of another time. */
const later = (each: Example): Example => ({
  ...each,
  event_id: `later-${each.event_id}`,
  ts: each.ts + 500 * MINUTE_MS,
});

/** Something to commit. */
async function publishNothing({ log, topics }: SmallWorld): Promise<Command> {
  const nothing = commandOf({ command_id: 'nothing', ts: 0, kind: 'publish' });
  await write(log, topics.commands, [nothing], ({ command_id }) => command_id);
  return nothing;
}
