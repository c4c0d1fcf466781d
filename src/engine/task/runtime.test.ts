import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openSimulatedLog, type SimulatedLog } from '#log';
import { FatalError, systemClock } from '#platform';
import { ManualClock, temporaryDirectory } from '#platform/testing';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import type { DatabaseProvider } from '../store/port.ts';
import { rocksDatabases } from '../store/rocksdb/rocksdb-database.ts';
import { TopicReader } from '../topic-reader.ts';
import { TopicWriter } from '../topic-writer.ts';
import type { Topology } from '../topology/topology.ts';
import {
  altered,
  Elapsing,
  GROUP,
  input,
  Load,
  output,
  PARTITIONS,
  sums,
  sumsRuntime,
} from './testing/sums.ts';

it('tasks move between instances that join, leave and die, and nothing is lost or done twice', async () => {
  const clock = new ManualClock(1_000_000);
  const log = openSimulatedLog({ clock, random: Math.random });
  const elapse = new Elapsing(clock);
  const load = await elapse.of(Load.open(log));
  const write = (count: number) => elapse.of(load.write(count));
  const readUntil = async (count: number) => {
    while (load.outputs.length < count) await elapse.of(load.read(10));
  };

  const a = await elapse.launch(log.connect(), 'a');
  await write(500);
  await readUntil(500);
  assert.equal(a.runtime.tasks.length, PARTITIONS);

  const b = await elapse.launch(log.connect(), 'b');
  await write(500);
  await elapse.until(() => a.runtime.tasks.length === 3 && b.runtime.tasks.length === 3);
  await write(500);
  await readUntil(1_500);

  const dying = log.connect();
  const c = await elapse.launch(dying, 'c');
  await write(500);
  await elapse.until(() => c.runtime.tasks.length === 2);
  dying.kill();
  await write(500);
  await elapse.of(c.running);
  assert.ok(c.failure(), 'the killed instance noticed');

  await elapse.stop(a);
  await write(500);
  await elapse.until(() => b.runtime.tasks.length === PARTITIONS);
  await elapse.of(load.readAll());
  await elapse.stop(b);
  load.assertExact();
  await elapse.of(load.close());
  await elapse.of(log.close());
});

const openSums = (log: SimulatedLog, databases: DatabaseProvider) =>
  sumsRuntime({ log, clock: systemClock, databases, instanceId: 'a' });

async function outputsByKey(log: SimulatedLog): Promise<Map<string, (number | null)[]>> {
  const reader = await TopicReader.open(log, output, { from: 'start' });
  const outputs = new Map<string, (number | null)[]>();
  for await (const chunk of reader.untilEnd()) {
    for (const { key, value } of chunk) outputs.set(key, [...(outputs.get(key) ?? []), value]);
  }
  await reader.close();
  return outputs;
}

it('an expelled instance rejoins, and what it had not committed is processed once', async () => {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random });
  await log.createTopics([input, output]);
  const runtime = await openSums(log, memoryDatabases());
  await runtime.start();
  const writer = await TopicWriter.open(log, input);
  for (let round = 1; round <= 3; round++) {
    await writer.write(Array.from({ length: 30 }, (_, i) => ({ key: `k${i}`, value: 1, timestamp: round })));
    await runtime.runOnce(5);
    log.faults.expel('sums-1', 'a');
    await runtime.runUntilCaughtUp(5);
  }
  const sumsOf = await outputsByKey(log);
  assert.equal(sumsOf.size, 30);
  for (const outputs of sumsOf.values()) assert.deepEqual(outputs, [1, 2, 3]);
  await writer.close();
  await runtime.close();
  await log.close();
});

it('a share that was overtaken while its commit was refused is not taken up', async () => {
  const clock = new ManualClock(1_000_000);
  const log = openSimulatedLog({ clock, random: () => 0 });
  const elapse = new Elapsing(clock);
  const load = await elapse.of(Load.open(log));
  const commitIntervalMs = 3_600_000;
  const a = await sumsRuntime({ log: log.connect(), clock, instanceId: 'a', commitIntervalMs });
  await elapse.of(a.start());
  await elapse.of(load.write(500));
  await elapse.of(a.runOnce(0));
  assert.ok(a.tasks.every((task) => task.hasUncommitted));

  const b = await elapse.launch(log.connect(), 'b');
  while (!a.status().isRebalancing) {
    await elapse.of(a.runOnce(0));
    await clock.advance(100);
  }
  // The round ends with a share that keeps half of the tasks for `a`, which has yet to look at it.
  await elapse.until(() => b.runtime.owners().size > 0);
  log.faults.expel(GROUP, 'a');
  await elapse.until(() => b.runtime.tasks.length === PARTITIONS);
  await elapse.of(a.runOnce(0));
  assert.deepEqual(a.status().tasks, [], 'what it was to keep is the other one’s now');

  while (a.tasks.length < 3 || b.runtime.tasks.length > 3) {
    await elapse.of(a.runOnce(0));
    await clock.advance(100);
  }
  await elapse.of(a.leave());
  await elapse.of(a.close());
  await elapse.of(load.write(500));
  await elapse.of(load.readAll());
  load.assertExact();
  await elapse.stop(b);
  await elapse.of(load.close());
  await elapse.of(log.close());
});

it('an instance told to stop while it starts may leave, and close, more than once', async () => {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random });
  await log.createTopics([input, output]);
  const databases = memoryDatabases();
  const isOneClosed = Promise.withResolvers<void>();
  let opened = 0;
  // The first store closes at once, the others when the second call has found that one closed.
  const uneven = altered(databases, {
    open: async (name) => {
      const isFirst = opened++ === 0;
      const database = await databases.open(name);
      const close = async () => {
        if (!isFirst) await isOneClosed.promise;
        await database.close();
      };
      return altered(database, { close });
    },
  });
  const runtime = await openSums(log, uneven);
  await runtime.start();
  const leaving = runtime.leave();
  while (!runtime.status().tasks.some(({ state }) => state === 'closed')) await setImmediate();
  const again = [runtime.leave(), runtime.close()];
  isOneClosed.resolve();
  await Promise.all([leaving, ...again]);
  assert.deepEqual(runtime.status().tasks, []);
  await log.close();
});

it('rounds in which no task comes or goes leave alone what is fetched', async () => {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random });
  await log.createTopics([input, output]);
  let assigned = 0;
  const counting = altered(log, {
    consumer: async (options) => {
      const consumer = await log.consumer(options);
      const assign = (places: Parameters<typeof consumer.assign>[0]) => {
        assigned++;
        consumer.assign(places);
      };
      return altered(consumer, { assign });
    },
  });
  const runtime = await openSums(counting, memoryDatabases());
  await runtime.start();
  await runtime.runUntilCaughtUp(5);
  const before = assigned;
  assert.ok(before > 0);
  for (let round = 0; round < 5; round++) await runtime.runOnce(5);
  assert.equal(assigned, before);
  await runtime.close();
  await log.close();
});

it('a start that fails half-way closes what it had opened, and the next one finds it free', async (t) => {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random });
  await log.createTopics([input, output]);
  const databases = rocksDatabases(temporaryDirectory(t));
  let opened = 0;
  const failing: DatabaseProvider = {
    ...databases,
    open: (name) => (++opened === 3 ? Promise.reject(new Error('the disk is away')) : databases.open(name)),
  };
  const first = await openSums(log, failing);
  await assert.rejects(first.start(), /the disk is away/);
  await first.close();
  const second = await openSums(log, databases);
  await second.start();
  assert.equal(second.tasks.length, PARTITIONS);
  await second.close();
  await log.close();
});

/** A store of `topology` is damaged between two runs over its input; the second one finds it. */
async function findsDamage(t: TestContext, topology: Topology): Promise<void> {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random });
  await log.createTopics([input, output]);
  const databases = rocksDatabases(temporaryDirectory(t));
  let isDamaged = false;
  let destroyed = 0;
  const damaged: DatabaseProvider = {
    destroy: (name) => {
      isDamaged = false;
      destroyed++;
      return databases.destroy(name);
    },
    open: async (name) => {
      const database = await databases.open(name);
      const getMany = database.getMany.bind(database);
      database.getMany = (keys) => {
        if (isDamaged) return Promise.reject(new FatalError('MR_STORE_CORRUPT', 'block checksum mismatch'));
        return getMany(keys);
      };
      return database;
    },
  };
  const open = () => sumsRuntime({ log, clock: systemClock, databases: damaged, instanceId: 'a', topology });
  const writer = await TopicWriter.open(log, input);
  await writer.write([{ key: 'k', value: 1, timestamp: 1 }]);
  // A task knows every key of a store that it filled itself, so a second task has to read it.
  const before = await open();
  await before.start();
  await before.runUntilCaughtUp(5);
  await before.close();
  const runtime = await open();
  await runtime.start();
  isDamaged = true;
  await writer.write([{ key: 'other', value: 5, timestamp: 2 }]);
  await writer.write([{ key: 'k', value: 1, timestamp: 2 }]);
  await runtime.runUntilCaughtUp(5);
  assert.equal(destroyed, 1);
  const sumsOf = await outputsByKey(log);
  assert.deepEqual(Object.fromEntries(sumsOf), { k: [1, 2], other: [5] });
  await writer.close();
  await runtime.close();
  await log.close();
}

it('a store that turns out to be damaged while it runs is restored, and the records are processed once', (t) =>
  findsDamage(t, sums()));

it('so is one whose damage is found by a commit, which lets out what was held back until then', (t) =>
  findsDamage(
    t,
    sums(undefined, (stream) => stream.lastPerCommit()),
  ));
