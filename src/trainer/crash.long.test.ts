import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { writeRecords } from '#engine';
import { fillSmallWorld, openSmallWorld, readAll } from '#offline/testing';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { commandOf } from '#schemas';
import { readRuns } from './runs/ledger.ts';
import { isOver } from './runs/run.ts';
import { trainFromSnapshot } from './thread/run-thread.ts';

const config = { dim: 8, hidden: 8, historyLength: 5, batchSize: 64, candidates: 16, epochs: 20 };

/**
 * A trainer in a process of its own, which has its place or stands by: a run is started over where the group of trainers
 * changes while it writes.
 */
async function trainerProcess(
  t: TestContext,
  directory: string,
  instanceId: string,
  failpoints = '',
): Promise<ChildProcess> {
  const path = join(import.meta.dirname, 'testing/trainer-process.ts');
  const child = spawn(process.execPath, [path, directory, instanceId, JSON.stringify(config)], {
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { ...process.env, MILLRACE_FAILPOINTS: failpoints },
  });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  });
  assert.ok(child.stderr);
  let said = '';
  for await (const chunk of on(child.stderr, 'data', { close: ['end'] })) {
    said += String(chunk[0]);
    if (/this process (trains|stands by)/.test(said)) return child;
  }
  return assert.fail(said);
}

test('two processes train, one is killed in the midst of a run: the other goes on to the same version, published once', async (t) => {
  const dataDirectory = temporaryDirectory(t);
  const opened = await openSmallWorld(dataDirectory);
  t.after(() => opened.log.close());
  await fillSmallWorld(opened);
  const first = await trainerProcess(t, dataDirectory, 'a', 'trainer.checkpoint.saved=kill@5');
  await trainerProcess(t, dataDirectory, 'b');
  const killed = once(first, 'close');
  const train = commandOf({ command_id: 'train-1', ts: 0, kind: 'train', seed: 3 });
  await writeRecords(opened.log, opened.topics.commands, [{ key: 'train-1', value: train, timestamp: 0 }]);
  assert.deepEqual(await killed, [null, 'SIGKILL']);
  const [cut] = await readRuns(opened);
  assert.equal(cut?.status, 'running');
  assert.deepEqual(
    readdirSync(join(dataDirectory, 'runs', cut?.run_id ?? '')).includes('checkpoint-5'),
    true,
  );

  let runs = await readRuns(opened);
  while (!runs.every(isOver)) {
    await systemClock.sleep(100);
    runs = await readRuns(opened);
  }
  const [run, ...more] = runs;
  assert.deepEqual(more, []);
  assert.deepEqual([run?.status, run?.error], ['succeeded', null]);
  assert.deepEqual(
    run?.steps.map(({ attempts }) => attempts),
    [2, 2, 1, 1],
  );
  const commands = (await readAll(opened.log, opened.topics.commands)).map(({ value }) => value?.kind);
  assert.deepEqual(commands, ['train', 'publish']);
  const [announced, ...others] = await readAll(opened.log, opened.topics.snapshots);
  assert.deepEqual(others, []);
  assert.ok(announced?.value);
  const { candidate } = await trainFromSnapshot(announced.value, { dataDirectory, seed: 3, config });
  assert.equal(run?.version, candidate.version, 'byte for byte');
});
