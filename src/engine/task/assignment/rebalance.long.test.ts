import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openSimulatedLog, type SimulatedLog } from '#log';
import { createLogger, RetryableError } from '#platform';
import { ManualClock, temporaryDirectory, testSeed } from '#platform/testing';
import { memoryDatabases } from '../../store/memory/memory-database.ts';
import type { DatabaseProvider } from '../../store/port.ts';
import { rocksDatabases } from '../../store/rocksdb/rocksdb-database.ts';
import type { Task } from '../task.ts';
import { altered, Elapsing, GROUP, type Instance, Load, PARTITIONS, sums } from '../testing/sums.ts';
import { encodeMetadata, tasksOf } from './assignment.ts';
import { Rebalance } from './rebalance.ts';

function world() {
  const clock = new ManualClock(1_000_000);
  const elapse = new Elapsing(clock);
  const log = openSimulatedLog({ clock, random: Math.random });
  /** Stops the instances as a signal would, and closes the rest. */
  const end = async (load: Load, ...instances: readonly Instance[]) => {
    for (const instance of instances) await elapse.stop(instance);
    await elapse.of(load.close());
    await elapse.of(log.close());
  };
  return { clock, elapse, log, end };
}

const names = (tasks: readonly Task[]) => tasks.map(({ name }) => name);

it('scaling out and in under load loses and repeats nothing, and tasks that stay are not touched', async () => {
  const { elapse, log, end } = world();
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
  await end(load);
});

/** A member that holds nothing, whatever it is given. */
const memberOf = ({ log, clock }: ReturnType<typeof world>, memberId: string) =>
  new Rebalance({
    log: log.connect(),
    clock,
    logger: createLogger({ level: 'silent', name: 'test' }),
    group: GROUP,
    memberId,
    sessionTimeoutMs: 10_000,
    heartbeatIntervalMs: 50,
    topics: [],
    assignment: { tasks: tasksOf(sums()), standbys: 0 },
    metadata: () => ({ process: memberId, active: [], standby: [] }),
  });

it('a member that comes back to a share which leaves no task without an owner begins no round', async () => {
  const all = world();
  const { elapse, log } = all;
  await elapse.of(memberOf(all, 'a').join());
  const again = memberOf(all, 'a');
  await elapse.of(again.join());
  assert.equal(again.look(), 'share');
  assert.equal(again.share.active.length, PARTITIONS);
  assert.ok(!again.isUnderWay);
  await elapse.of(again.leave());
  await elapse.of(log.close());
});

it('what a share has given and its member has yet to take up goes to nobody else', async () => {
  const all = world();
  const { elapse, log } = all;
  const [a, b] = [memberOf(all, 'a'), memberOf(all, 'b')];
  await elapse.of(a.join());
  assert.equal(a.look(), 'share');
  assert.equal(a.share.active.length, PARTITIONS);
  // From here on it is about to open them: busy with a commit, or with others of which it restores the state.
  const joined = b.join();
  await elapse.until(() => {
    a.keepAlive();
    return a.isUnderWay;
  });
  await elapse.of(joined);
  assert.deepEqual(b.share.active, []);
  await elapse.of(a.leave());
  await elapse.of(b.leave());
  await elapse.of(log.close());
});

it('while a round is held up by a slow member, the tasks go on and commit', async () => {
  const { elapse, log, end } = world();
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
  await end(load, a);
});

it('a task that takes long to restore keeps nobody waiting, and its member in the group', async () => {
  const { elapse, log, end } = world();
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
  await end(load, a, b);
});

it('a task that moves is suspended until its stores are closed, and created until its next owner restores it', async () => {
  const { elapse, log, end } = world();
  const load = await elapse.of(Load.open(log));
  const databases = memoryDatabases();
  let closing = 0;
  const slow = altered(databases, {
    open: async (name) => {
      const database = await databases.open(name);
      const close = async () => {
        closing++;
        await elapse.clock.sleep(1_000);
        await database.close();
        closing--;
      };
      return altered(database, { close });
    },
  });
  const a = await elapse.launch(log.connect(), 'a', { databases: slow });
  const states = () => a.runtime.status().tasks.map(({ state }) => state);
  await elapse.until(() => states().length > 0);
  assert.deepEqual([...states()].sort(), ['created', 'created', ...Array(PARTITIONS - 2).fill('restoring')]);
  await elapse.until(() => a.runtime.tasks.length === PARTITIONS);
  const b = await elapse.launch(log.connect(), 'b');
  await elapse.until(() => closing > 0);
  assert.deepEqual(new Set(states()), new Set(['running', 'suspended']));
  assert.equal(states().length, PARTITIONS, 'it is still its own');
  await elapse.until(() => b.runtime.tasks.length === 3);
  assert.deepEqual(states(), ['running', 'running', 'running']);
  await end(load, a, b);
});

it('a first restore that takes long keeps its member in the group', async () => {
  const { elapse, log, end } = world();
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
  await end(load, a, b);
});

it('a member that is expelled while it restores for the first time releases what it holds, and rejoins', async () => {
  const { elapse, log, end } = world();
  const load = await elapse.of(Load.open(log));
  const databases = memoryDatabases();
  // The first store is there at once; another has the others open, and keeps the start waiting.
  let isLocked = true;
  let opened = 0;
  const shared = altered(databases, {
    open: async (name) => {
      if (opened++ > 0 && isLocked) throw new RetryableError('MR_STORE_LOCKED', `${name} is open elsewhere`);
      return databases.open(name);
    },
  });
  const a = await elapse.launch(log.connect(), 'a', { databases: shared });
  await elapse.until(() => opened > 3);
  const b = await elapse.launch(log.connect(), 'b');
  await elapse.until(() => b.runtime.owners().size > 0);
  log.faults.expel(GROUP, 'a');
  const until = elapse.clock.now() + 30_000;
  await elapse.until(() => b.runtime.tasks.length === 3 || elapse.clock.now() > until);
  await elapse.clock.advance(10_000);
  assert.equal(b.runtime.tasks.length, 3, 'the other one has its half, and no more');
  assert.equal(a.failure(), undefined);
  isLocked = false;
  await elapse.until(() => a.runtime.tasks.length === 3);
  await elapse.of(load.write(100));
  await elapse.of(load.readAll());
  load.assertExact();
  await end(load, a, b);
});

it('a member that is killed between letting go of tasks and saying so leaves none of them without an owner', async () => {
  const { elapse, log, end } = world();
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
  await end(load, again, b);
});

it('every member knows who has which task and where to ask', async () => {
  const { elapse, log, end } = world();
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
  await end(load, a, moved);
});

it('a member that is killed and comes back under its name has its tasks again, and disturbs nobody', async () => {
  const { elapse, log, end } = world();
  const load = await elapse.of(Load.open(log));
  const first = log.connect();
  const databases = memoryDatabases();
  const a = await elapse.launch(first, 'a', { databases });
  const b = await elapse.launch(log.connect(), 'b');
  await elapse.until(() => a.runtime.tasks.length === 3 && b.runtime.tasks.length === 3);
  await elapse.of(load.write(300));
  await elapse.of(load.readAll());
  const [mine, others] = [names(a.runtime.tasks), b.runtime.tasks];
  first.kill();
  await elapse.of(a.running);
  const again = await elapse.launch(log.connect(), 'a', { databases });
  await elapse.until(() => again.runtime.tasks.length === 3);
  assert.deepEqual(names(again.runtime.tasks), mine);
  await elapse.of(load.write(300));
  await elapse.of(load.readAll());
  assert.ok(
    b.runtime.tasks.length === 3 && b.runtime.tasks.every((task) => others.includes(task)),
    'the other one has kept its own, untouched',
  );
  load.assertExact();
  await end(load, again, b);
});

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

for (const seed of new Set([1, 2, testSeed])) {
  it(`members that come, leave and are killed in the midst of rounds, seed ${testSeed}, lose and repeat nothing`, async () => {
    const random = seeded(seed);
    const clock = new ManualClock(1_000_000);
    const elapse = new Elapsing(clock);
    const log = openSimulatedLog({ clock, random });
    const load = await elapse.of(Load.open(log));
    type Member = { readonly instance: Instance; readonly connection: SimulatedLog };
    const members = new Map<string, Member>();
    const ending: Promise<unknown>[] = [];
    const disks = new Map<string, DatabaseProvider>();
    const standbys = seed % 2;
    for (let step = 0; step < 40; step++) {
      const name = ['a', 'b', 'c', 'd'][Math.floor(random() * 4)] ?? 'a';
      const member = members.get(name);
      if (member === undefined) {
        const connection = log.connect();
        const databases = disks.get(name) ?? memoryDatabases();
        disks.set(name, databases);
        const instance = await elapse.launch(connection, name, {
          databases,
          standbys,
          sessionTimeoutMs: 3_000,
        });
        members.set(name, { instance, connection });
      } else {
        members.delete(name);
        if (random() < 0.5) member.connection.kill(random() < 0.5 ? 'is-lost' : 'arrives');
        else member.instance.stop.abort();
        // Whoever comes back under the name finds its stores closed.
        ending.push(elapse.of(member.instance.running));
        await ending.at(-1);
      }
      await elapse.of(load.write(Math.floor(random() * 30)));
      await clock.advance(random() < 0.5 ? random() * 50 : random() * 4_000);
      await elapse.of(load.read());
    }
    const last = members.get('a') ?? {
      instance: await elapse.launch(log.connect(), 'a', { standbys, sessionTimeoutMs: 3_000 }),
    };
    await elapse.of(load.readAll());
    load.assertExact();
    const rest = [...members.values()]
      .map(({ instance }) => instance)
      .filter((each) => each !== last.instance);
    for (const instance of rest) {
      instance.stop.abort();
      await elapse.of(instance.running);
    }
    await elapse.until(() => last.instance.runtime.tasks.length === PARTITIONS);
    await elapse.stop(last.instance);
    await elapse.of(load.close());
    await elapse.of(log.close());
  });
}

it('a directory whose stores another member has open is refused, naming the store', async (t) => {
  const { elapse, log, end } = world();
  const load = await elapse.of(Load.open(log));
  const databases = rocksDatabases(temporaryDirectory(t));
  const a = await elapse.launch(log.connect(), 'a', { databases });
  await elapse.until(() => a.runtime.tasks.length === PARTITIONS);
  // Another generation means another group, so no rebalance hands its tasks over.
  const topology = { ...sums(), generation: 2 };
  const b = await elapse.launch(log.connect(), 'b', { databases, topology });
  while (b.failure() === undefined) await elapse.clock.advance(1_000);
  const failure = b.failure() as { code?: string; message: string; hint?: string };
  assert.equal(failure.code, 'MR_STORE_LOCKED');
  assert.match(failure.message, /input-\d is open in another process/);
  assert.match(failure.hint ?? '', /stop the other process/);
  await elapse.of(load.write(50));
  await elapse.of(load.readAll());
  load.assertExact();
  await end(load, a);
});
