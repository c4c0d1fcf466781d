import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Clock, createLogger, createMetrics, FatalError, systemClock } from '#platform';
import { ManualClock, temporaryDirectory } from '#platform/testing';
import { avroSchema, topics as catalogue, type DeadLetter } from '#schemas';
import { avroSerde } from '../avro-serde.ts';
import { openSimulatedLog, type SimulatedLog } from '../log/simulated/simulated-log.ts';
import { type Serde, type Topic, textKey } from '../serde.ts';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import type { DatabaseProvider } from '../store/port.ts';
import { rocksDatabases } from '../store/rocksdb/rocksdb-database.ts';
import { TopicReader } from '../topic-reader.ts';
import { TopicWriter } from '../topic-writer.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { StreamsRuntime } from './runtime.ts';

const numbers: Serde<number> = {
  encode: (value) => Buffer.from(String(value)),
  decode: (bytes) => Number(bytes.toString()),
  prepare: async () => {},
  fingerprint: Buffer.from('number'),
  framing: 0,
};

const PARTITIONS = 6;

function topic(name: string): Topic<string, number> {
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  return { name, partitions: PARTITIONS, cleanup, key: textKey, value: numbers };
}

const input = topic('input');
const output = topic('output');

function sums() {
  const builder = new TopologyBuilder({ name: 'sums', generation: 1 });
  const add = (sum: number, { value }: { value: number }) => sum + value;
  builder
    .source(input)
    .aggregate('sum', { initial: () => 0, add, value: numbers })
    .to(output);
  return builder.build();
}

type Instance = { readonly clock: Clock; readonly databases: DatabaseProvider; readonly instanceId: string };

async function sumsRuntime(log: SimulatedLog, instance: Instance): Promise<StreamsRuntime> {
  const deadLetters: Topic<string, DeadLetter> = {
    ...catalogue['dead-letters'],
    key: textKey,
    value: await avroSerde(log.registry, 'dead-letters-value', avroSchema('DeadLetter')),
  };
  return new StreamsRuntime({
    ...instance,
    log,
    topology: sums(),
    logger: createLogger({ level: 'silent', name: 'test' }),
    metrics: createMetrics(),
    deadLetters,
    commitIntervalMs: 20,
    batchRecords: 10,
  });
}

/** A process: its own connection to the log, its own stores. */
async function startInstance(log: SimulatedLog, clock: ManualClock, instanceId: string) {
  const runtime = await sumsRuntime(log, { clock, databases: memoryDatabases(), instanceId });
  const stop = new AbortController();
  let failure: unknown;
  const running = runtime
    .start()
    .then(() => runtime.run(stop.signal))
    .catch((error: unknown) => {
      failure = error;
    });
  return { runtime, stop, running, failure: () => failure };
}

it('tasks move between instances that join, leave and die, and nothing is lost or done twice', async () => {
  const clock = new ManualClock(1_000_000);
  const log = openSimulatedLog({ clock, random: Math.random });
  const until = async (isTrue: () => boolean) => {
    for (let rounds = 0; !isTrue(); rounds++) {
      assert.ok(rounds < 20_000, 'it never came about');
      await clock.advance(5);
    }
  };
  /** Waits for a promise that needs time to pass. */
  const elapse = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    await until(() => isSettled);
    return settled;
  };
  await elapse(log.createTopics([input, output]));
  const writer = await elapse(TopicWriter.open(log, input));
  let written = 0;
  const write = async (count: number) => {
    const records = Array.from({ length: count }, (_, i) => {
      return { key: `k${(written + i) % 50}`, value: 1, timestamp: written + i };
    });
    written += count;
    await elapse(writer.write(records));
  };
  const reader = await elapse(TopicReader.open(log, output, { from: 'start' }));
  const read: (readonly [string, number])[] = [];
  const readUntil = async (count: number) => {
    while (read.length < count) {
      for (const { key, value } of await elapse(reader.poll(10))) read.push([key, value ?? 0]);
      assert.ok(clock.now() < 2_000_000, `${read.length} of ${count} outputs came`);
    }
  };

  const a = await elapse(startInstance(log.connect(), clock, 'a'));
  await write(500);
  await readUntil(500);
  assert.equal(a.runtime.tasks.length, PARTITIONS);

  const b = await elapse(startInstance(log.connect(), clock, 'b'));
  await write(500);
  await until(() => a.runtime.tasks.length === 3 && b.runtime.tasks.length === 3);
  await write(500);
  await readUntil(1_500);

  const dying = log.connect();
  const c = await elapse(startInstance(dying, clock, 'c'));
  await write(500);
  await until(() => c.runtime.tasks.length === 2);
  dying.kill();
  await write(500);
  await elapse(c.running);
  assert.ok(c.failure(), 'the killed instance noticed');

  a.stop.abort();
  await elapse(a.running);
  assert.equal(a.failure(), undefined);
  await write(500);
  await until(() => b.runtime.tasks.length === PARTITIONS);
  await readUntil(written);

  b.stop.abort();
  await elapse(b.running);
  assert.equal(b.failure(), undefined);
  const perKey = Map.groupBy(read, ([key]) => key);
  for (const [key, outputs] of perKey) {
    const expected = Array.from({ length: outputs.length }, (_, i) => i + 1);
    assert.deepEqual(
      outputs.map(([, sum]) => sum),
      expected,
      `each record of ${key} counted once, in order`,
    );
  }
  assert.equal(read.length, written);
  await elapse(reader.close());
  await elapse(writer.close());
  await elapse(log.close());
});

const openSums = (log: SimulatedLog, databases: DatabaseProvider) =>
  sumsRuntime(log, { clock: systemClock, databases, instanceId: 'a' });

async function outputsByKey(log: SimulatedLog): Promise<Map<string, (number | null)[]>> {
  const reader = await TopicReader.open(log, output, { from: 'start' });
  const outputs = new Map<string, (number | null)[]>();
  for await (const chunk of reader.untilEnd()) {
    for (const { key, value } of chunk) outputs.set(key, [...(outputs.get(key) ?? []), value]);
  }
  await reader.close();
  return outputs;
}

it('an instance that was expelled joins anew, and what it had not committed is processed once', async () => {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random });
  await log.createTopics([input, output]);
  const runtime = await openSums(log, memoryDatabases());
  await runtime.start();
  const writer = await TopicWriter.open(log, input);
  for (let round = 1; round <= 3; round++) {
    await writer.write(Array.from({ length: 30 }, (_, i) => ({ key: `k${i}`, value: 1, timestamp: round })));
    await runtime.runOnce(5);
    log.faults.expel('sums-1', 'a');
    do await runtime.runOnce(5);
    while (!runtime.isCaughtUp);
  }
  const sumsOf = await outputsByKey(log);
  assert.equal(sumsOf.size, 30);
  for (const outputs of sumsOf.values()) assert.deepEqual(outputs, [1, 2, 3]);
  await writer.close();
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

it('a store that turns out to be damaged while it runs is restored, and the records are processed once', async (t) => {
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
  const runtime = await openSums(log, damaged);
  await runtime.start();
  const writer = await TopicWriter.open(log, input);
  const settle = async () => {
    do await runtime.runOnce(5);
    while (!runtime.isCaughtUp);
  };
  await writer.write([{ key: 'k', value: 1, timestamp: 1 }]);
  await settle();
  isDamaged = true;
  await writer.write([{ key: 'other', value: 5, timestamp: 2 }]);
  await writer.write([{ key: 'k', value: 1, timestamp: 2 }]);
  await settle();
  assert.equal(destroyed, 1);
  const sumsOf = await outputsByKey(log);
  assert.deepEqual(Object.fromEntries(sumsOf), { k: [1, 2], other: [5] });
  await writer.close();
  await runtime.close();
  await log.close();
});
