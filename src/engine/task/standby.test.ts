import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openSimulatedLog } from '#log';
import { ManualClock } from '#platform/testing';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import type { Standby } from './standby.ts';
import { Elapsing, type Instance, Load, PARTITIONS } from './testing/sums.ts';

function world() {
  const clock = new ManualClock(1_000_000);
  return { clock, elapse: new Elapsing(clock), log: openSimulatedLog({ clock, random: Math.random }) };
}

const names = (tasks: readonly { readonly name: string }[]) => tasks.map(({ name }) => name).sort();

const hasFollowed = ({ progress: { restored, total } }: Standby) => total > 0 && restored === total;

async function pair(elapse: Elapsing, log: ReturnType<typeof world>['log']): Promise<[Instance, Instance]> {
  const a = await elapse.launch(log.connect(), 'a', { standbys: 1 });
  const b = await elapse.launch(log.connect(), 'b', { standbys: 1 });
  await elapse.until(() => a.runtime.tasks.length === 3 && b.runtime.tasks.length === 3);
  await elapse.until(() => a.runtime.standbyTasks.length === 3 && b.runtime.standbyTasks.length === 3);
  return [a, b];
}

it('each follows the other’s tasks, and takes one over by reading the tail of its changelog', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const [a, b] = await pair(elapse, log);
  assert.deepEqual(names(a.runtime.standbyTasks), names(b.runtime.tasks));
  assert.deepEqual(names(b.runtime.standbyTasks), names(a.runtime.tasks));
  for (const [task, { active, standbys }] of a.runtime.owners()) {
    assert.deepEqual(
      [active?.memberId, ...standbys.map(({ memberId }) => memberId)].sort(),
      ['a', 'b'],
      task,
    );
  }
  for (let round = 0; round < 20; round++) {
    await elapse.of(load.write(100));
    await elapse.of(load.readAll());
  }
  await elapse.until(() => b.runtime.standbyTasks.every(hasFollowed));
  await elapse.clock.advance(1_000);
  const followed = b.runtime.standbyTasks.reduce((sum, { progress }) => sum + progress.restored, 0);
  assert.ok(followed > 300, `the copies have followed ${followed} records`);

  const promoted: number[] = [];
  a.stop.abort();
  await elapse.until(() => {
    for (const { state, restore } of b.runtime.status().tasks) {
      if (state === 'restoring' && restore !== undefined) promoted.push(restore.total);
    }
    return b.runtime.tasks.length === PARTITIONS;
  });
  await elapse.of(a.running);
  assert.ok(promoted.length > 0, 'the restores were seen');
  assert.ok(Math.max(...promoted) < 30, `a task that was followed restored ${Math.max(...promoted)} records`);
  await elapse.of(load.write(500));
  await elapse.of(load.readAll());
  load.assertExact();
  await elapse.stop(b);
  await elapse.of(load.close());
  await elapse.of(log.close());
});

it('a copy’s stores have the digests of its owner’s', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const databases = memoryDatabases();
  const a = await elapse.launch(log.connect(), 'a', { standbys: 1, databases });
  const b = await elapse.launch(log.connect(), 'b', { standbys: 1 });
  await elapse.of(load.write(1_000));
  await elapse.until(() => a.runtime.standbyTasks.length === 3 && b.runtime.tasks.length === 3);
  await elapse.of(load.readAll());
  await elapse.until(() => a.runtime.standbyTasks.every(hasFollowed));
  await elapse.clock.advance(1_000);
  const digests = new Map(b.runtime.tasks.map((task) => [task.name, task.digests()]));
  await elapse.stop(a);
  // Taken up as they lie, without the log's help: the restore finds nothing to add.
  const again = await elapse.launch(log.connect(), 'c', { standbys: 1, databases });
  await elapse.stop(b);
  await elapse.until(() => again.runtime.tasks.length === PARTITIONS);
  for (const task of again.runtime.tasks) {
    const expected = digests.get(task.name);
    if (expected !== undefined) assert.deepEqual(task.digests(), expected);
  }
  await elapse.stop(again);
  await elapse.of(load.close());
  await elapse.of(log.close());
});

it('members of one process never keep a task twice', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const databases = memoryDatabases();
  const thread = { standbys: 1, databases, processId: 'one' };
  const a = await elapse.launch(log.connect(), 'a', thread);
  const b = await elapse.launch(log.connect(), 'b', thread);
  await elapse.until(() => a.runtime.tasks.length === 3 && b.runtime.tasks.length === 3);
  assert.ok([...a.runtime.owners().values()].every(({ standbys }) => standbys.length === 0));
  const c = await elapse.launch(log.connect(), 'c', { standbys: 1 });
  await elapse.until(() => c.runtime.standbyTasks.length === 4);
  await elapse.of(load.write(500));
  await elapse.of(load.readAll());
  load.assertExact();
  for (const instance of [a, c, b]) await elapse.stop(instance);
  await elapse.of(load.close());
  await elapse.of(log.close());
});
