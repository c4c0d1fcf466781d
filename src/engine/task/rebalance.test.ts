import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ManualClock } from '#platform/testing';
import { openSimulatedLog } from '../log/simulated/simulated-log.ts';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import { encodeMetadata } from './assignment.ts';
import type { Task } from './task.ts';
import { altered, Elapsing, GROUP, Load, PARTITIONS } from './testing/sums.ts';

function world() {
  const clock = new ManualClock(1_000_000);
  const elapse = new Elapsing(clock);
  return { clock, elapse, log: openSimulatedLog({ clock, random: Math.random }) };
}

const names = (tasks: readonly Task[]) => tasks.map(({ name }) => name);

it('scaling out and in under load loses and repeats nothing, and tasks that stay are not touched', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  let isWriting = true;
  const writing = (async () => {
    while (isWriting) {
      await load.write(40);
      await load.read(5);
    }
  })();
  const a = await elapse.launch(log.connect(), 'a');
  await elapse.until(() => a.runtime.tasks.length === PARTITIONS);
  const before = a.runtime.tasks;
  const b = await elapse.launch(log.connect(), 'b');
  await elapse.until(() => a.runtime.tasks.length === 3 && b.runtime.tasks.length === 3);
  assert.ok(
    a.runtime.tasks.every((task) => before.includes(task)),
    'the same objects: they were neither closed nor opened',
  );
  const c = await elapse.launch(log.connect(), 'c');
  await elapse.until(() => [a, b, c].every(({ runtime }) => runtime.tasks.length === 2));
  await elapse.stop(a);
  await elapse.until(() => b.runtime.tasks.length + c.runtime.tasks.length === PARTITIONS);
  await elapse.stop(c);
  await elapse.until(() => b.runtime.tasks.length === PARTITIONS);
  isWriting = false;
  await elapse.of(writing);
  await elapse.of(load.readAll());
  await elapse.stop(b);
  load.assertExact();
  await elapse.of(load.close());
  await elapse.of(log.close());
});

it('while a round is held up by a slow member, the tasks go on and commit', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const a = await elapse.launch(log.connect(), 'a');
  await elapse.until(() => a.runtime.tasks.length === PARTITIONS);
  const idle = { process: 'slow', active: [], standby: [] };
  const slow = log.connect();
  const joined = await elapse.of(
    slow.joinGroup({
      group: GROUP,
      memberId: 'slow',
      metadata: encodeMetadata(idle),
      sessionTimeoutMs: 60_000,
      assign: () => new Map(),
    }),
  );
  await elapse.until(() => a.runtime.tasks.length === 3);
  // The slow member keeps its place and does not take part in the round that has been begun to give it its tasks.
  await elapse.until(() => a.runtime.status().isRebalancing);
  const kept = names(a.runtime.tasks);
  const committed = () => load.outputs.length;
  await elapse.of(load.write(300));
  const until = elapse.clock.now() + 3_000;
  while (elapse.clock.now() < until) {
    await elapse.of(joined.heartbeat());
    await elapse.of(load.read(5));
  }
  assert.ok(a.runtime.status().isRebalancing, 'the round is still on');
  assert.deepEqual(names(a.runtime.tasks), kept);
  assert.ok(committed() > 0, 'the tasks that stay have committed');
  await elapse.of(joined.leave());
  await elapse.of(load.readAll());
  load.assertExact();
  await elapse.stop(a);
  await elapse.of(load.close());
  await elapse.of(log.close());
});

it('a task that takes long to restore keeps nobody waiting, and its member in the group', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const a = await elapse.launch(log.connect(), 'a');
  await elapse.of(load.write(100));
  await elapse.of(load.readAll());
  const databases = memoryDatabases();
  const slow = altered(databases, {
    open: async (name) => {
      await elapse.clock.sleep(30_000);
      return databases.open(name);
    },
  });
  const b = await elapse.launch(log.connect(), 'b', { databases: slow });
  await elapse.until(() => a.runtime.tasks.length === 3);
  const moved = elapse.clock.now();
  const expected = load.written;
  await elapse.of(load.write(100));
  await elapse.until(() => b.runtime.status().tasks.some(({ state }) => state === 'restoring'));
  while (elapse.clock.now() < moved + 20_000) await elapse.of(load.read(50));
  assert.ok(load.outputs.length > expected, 'the tasks that stayed went on');
  assert.equal(b.runtime.tasks.length, 0);
  await elapse.until(() => b.runtime.tasks.length === 3);
  await elapse.of(load.readAll());
  load.assertExact();
  assert.equal(a.runtime.tasks.length, 3, 'nobody was taken for dead');
  await elapse.stop(a);
  await elapse.stop(b);
  await elapse.of(load.close());
  await elapse.of(log.close());
});

it('a first restore that takes long keeps its member in the group', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const databases = memoryDatabases();
  const slow = altered(databases, {
    open: async (name) => {
      await elapse.clock.sleep(30_000);
      return databases.open(name);
    },
  });
  const a = await elapse.launch(log.connect(), 'a', { databases: slow });
  await elapse.until(() => a.runtime.status().tasks.length > 0);
  const joined = elapse.clock.now();
  const b = await elapse.launch(log.connect(), 'b');
  while (elapse.clock.now() < joined + 25_000) await elapse.clock.advance(100);
  assert.equal(b.runtime.tasks.length, 0, 'its tasks are not given to another');
  await elapse.until(() => a.runtime.tasks.length === 3 && b.runtime.tasks.length === 3);
  await elapse.of(load.write(100));
  await elapse.of(load.readAll());
  load.assertExact();
  await elapse.stop(a);
  await elapse.stop(b);
  await elapse.of(load.close());
  await elapse.of(log.close());
});

it('a member that is killed between letting go of tasks and saying so leaves none of them without an owner', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const first = log.connect();
  const a = await elapse.launch(first, 'a');
  await elapse.until(() => a.runtime.tasks.length === PARTITIONS);
  const b = await elapse.launch(log.connect(), 'b');
  await elapse.until(() => a.runtime.tasks.length < PARTITIONS);
  first.kill();
  await elapse.of(a.running);
  const again = await elapse.launch(log.connect(), 'a');
  await elapse.of(load.write(200));
  await elapse.until(() => again.runtime.tasks.length === 3 && b.runtime.tasks.length === 3);
  await elapse.of(load.readAll());
  load.assertExact();
  await elapse.stop(again);
  await elapse.stop(b);
  await elapse.of(load.close());
  await elapse.of(log.close());
});

it('every member knows who has which task and where to ask', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const a = await elapse.launch(log.connect(), 'a', { endpoint: 'http://a:1' });
  const b = await elapse.launch(log.connect(), 'b', { endpoint: 'http://b:1' });
  await elapse.until(() => a.runtime.tasks.length === 3 && b.runtime.tasks.length === 3);
  for (const { runtime } of [a, b]) {
    const owned = (member: string) =>
      [...runtime.owners()].flatMap(([task, { active }]) => (active?.memberId === member ? [task] : []));
    assert.deepEqual(owned('a').sort(), names(a.runtime.tasks).sort());
    assert.deepEqual(owned('b').sort(), names(b.runtime.tasks).sort());
  }
  assert.deepEqual(a.runtime.owners().get(b.runtime.tasks[0]?.name ?? '')?.active, {
    memberId: 'b',
    endpoint: 'http://b:1',
  });
  // Started again elsewhere, it tells the others.
  await elapse.stop(b);
  const moved = await elapse.launch(log.connect(), 'b', { endpoint: 'http://b:2' });
  const knows = () =>
    [...a.runtime.owners().values()].some(({ active }) => active?.endpoint === 'http://b:2');
  await elapse.until(knows);
  await elapse.stop(a);
  await elapse.stop(moved);
  await elapse.of(load.close());
  await elapse.of(log.close());
});
