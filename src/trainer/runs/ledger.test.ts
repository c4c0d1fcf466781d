import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ActivePlace } from '#engine';
import { openSmallWorld, readAll } from '#offline/testing';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { Run } from '#schemas';
import { RunLedger, readRuns } from './ledger.ts';
import { atStep, ended, newRuns } from './run.ts';

/** A group without members accepts offsets from anyone. */
const place: ActivePlace = {
  signal: new AbortController().signal,
  positions: async (partitions) => partitions.map(() => 0),
  commit: async () => {},
  group: () => ({ group: 'trainer', memberId: '', generation: -1 }),
};

async function world(t: TestContext) {
  const opened = await openSmallWorld(temporaryDirectory(t));
  t.after(() => opened.log.close());
  const over: Run[] = [];
  const options = { ...opened, clock: systemClock, onOver: (run: Run) => over.push(run) };
  const open = async () => {
    const ledger = await RunLedger.open(options, place);
    t.after(() => ledger.close());
    return ledger;
  };
  return { opened, over, open };
}

function waiting(now = 1): Run {
  const wanted = { pipeline: 'training', trigger: 'command', seed: 1, now } as const;
  return newRuns({ ...wanted, models: ['two-tower'], configOf: () => '{}' })[0] as Run;
}

test('a run and the position after its request become visible at once, and are found again', async (t) => {
  const { opened, open } = await world(t);
  const run = waiting();
  const ledger = await open();
  await ledger.add([run], { positions: { commands: 7, snapshots: 2 } });
  assert.deepEqual(await readRuns(opened), [run]);
  const places = ['commands', 'snapshots'].map((topic) => ({ topic, partition: 0 }));
  const committed = await opened.log.committedOffsets('trainer', places);
  assert.deepEqual(
    committed.map((each) => each?.offset),
    [7, 2],
  );
  assert.deepEqual((await open()).runs, [run]);
});

test('of two writers the one that came first is refused, and nothing of it is seen', async (t) => {
  const { opened, open } = await world(t);
  const first = await open();
  await first.add([waiting()]);
  const second = await open();
  const [run] = second.runs;
  assert.ok(run);
  const publish = { change: (each: Run) => ended(each, 'succeeded', 5) };
  await assert.rejects(first.change([run.run_id], publish.change), { code: 'MR_LOG_FENCED' });
  assert.equal((await readRuns(opened))[0]?.status, 'waiting');
  assert.ok(await second.change([run.run_id], publish.change));
  assert.equal((await readRuns(opened))[0]?.status, 'succeeded');
});

test('what is over does not change any more, and nothing is written beside it', async (t) => {
  const { opened, over, open } = await world(t);
  const ledger = await open();
  const run = waiting();
  await ledger.add([run]);
  await ledger.change([run.run_id], (each) => atStep(each, 'train', { status: 'running' }));
  await ledger.change([run.run_id], (each) => ended(each, 'cancelled', 9));
  assert.deepEqual(
    over.map(({ status, steps }) => [status, ...steps.map((step) => step.status)]),
    [['cancelled', 'skipped', 'cancelled', 'skipped', 'skipped']],
  );
  const point = { run_id: run.run_id, ts: 1, step: 'train', epoch: 1, at_step: 1, of_steps: 2, values: {} };
  const again = await ledger.change([run.run_id], (each) => ended(each, 'succeeded', 10), {
    progress: [point],
  });
  assert.equal(again, false);
  assert.equal((await readRuns(opened))[0]?.status, 'cancelled');
  assert.deepEqual(await readAll(opened.log, opened.topics['run-progress']), []);
});

test('the oldest runs that have ended are forgotten, those that go on never', async (t) => {
  const { opened, open } = await world(t);
  const ledger = await open();
  const old = waiting();
  const many = Array.from({ length: 1003 }, (_, i) => ended(waiting(2 + i), 'failed', 3 + i));
  await ledger.add([old, ...many]);
  await ledger.add([waiting(5000)]);
  const kept = await readRuns(opened);
  assert.equal(kept.length, 1002);
  assert.deepEqual(kept[0], old);
  assert.equal(kept[1]?.run_id, many[3]?.run_id);
});
