import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openSimulatedLog, type SimulatedLog } from '#log';
import { systemClock } from '#platform';
import { memoryDatabases } from '../../store/memory/memory-database.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopicReader } from '../../topic-reader.ts';
import { TopicWriter } from '../../topic-writer.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import { defineProcessor, port } from '../../topology/processor.ts';
import type { StreamsRuntime } from '../runtime.ts';
import type { RuntimeOptions } from '../runtime-options.ts';
import { altered, sumsRuntime } from '../testing/sums.ts';

const BUDGET = 256 * 1024;
/** What one fetch can bring beyond the budget: a quarter of it, or one batch. */
const SLACK = 400 * 1024;

type Large = { readonly n: number; readonly filler: string };

const input = jsonTopic<Large>('large', 3);
const output = jsonTopic<number>('counts', 3);

/** Counts large records; `copies` sends each out this many times. */
function counts(copies: number) {
  const builder = new TopologyBuilder({ name: 'counts', generation: 1 });
  const large = builder.source(input);
  large.aggregate('count', { initial: () => 0, add: (sum) => sum + 1, value: json<number>() }).to(output);
  if (copies > 0) {
    const copied = jsonTopic<Large>('copied', 3);
    large.flatMap((value) => Array.from({ length: copies }, () => value)).to(copied);
    return { topology: builder.build(), topics: [input, output, copied] };
  }
  return { topology: builder.build(), topics: [input, output] };
}

async function world(options: Partial<RuntimeOptions>, copies = 0) {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random, maxDelayMs: 0 });
  const { topology, topics } = counts(copies);
  await log.createTopics(topics);
  const writer = await TopicWriter.open(log, input);
  let written = 0;
  const write = async (records: number) => {
    const filler = 'x'.repeat(20_000);
    const batch = Array.from({ length: records }, () => {
      return { key: `k${written % 9}`, value: { n: written++, filler }, timestamp: written };
    });
    await writer.write(batch);
  };
  const start = async (more: Partial<RuntimeOptions> & { readonly log?: SimulatedLog } = {}) => {
    const runtime = await sumsRuntime({
      clock: systemClock,
      instanceId: 'a',
      topology,
      bufferBytes: BUDGET,
      batchRecords: 5,
      ...options,
      log,
      ...more,
    });
    await runtime.start();
    return runtime;
  };
  const end = async (runtime: StreamsRuntime) => {
    await runtime.runUntilCaughtUp(5);
    const reader = await TopicReader.open(log, output, { from: 'start' });
    const last = new Map<string, number>();
    let outputs = 0;
    for await (const chunk of reader.untilEnd()) {
      outputs += chunk.length;
      for (const { key, value } of chunk) last.set(key, value ?? 0);
    }
    assert.equal(outputs, written, 'everything came through');
    assert.equal(
      [...last.values()].reduce((sum, count) => sum + count, 0),
      written,
    );
    await reader.close();
    await writer.close();
    await runtime.close();
    await log.close();
  };
  return { log, write, start, end };
}

it('a producer that is faster than the tasks fills the log, not the memory', async () => {
  const { write, start, end } = await world({});
  const runtime = await start();
  let most = 0;
  for (let round = 0; round < 20; round++) {
    await write(30);
    await runtime.runOnce(0);
    most = Math.max(most, runtime.status().bufferedBytes);
  }
  assert.ok(most > BUDGET / 2, 'the budget was used');
  assert.ok(most < BUDGET + SLACK, `${most} bytes were held`);
  await end(runtime);
});

it('what was full stays held up when another member takes a task', async () => {
  const { log, write, start, end } = await world({ batchRecords: 1, commitIntervalMs: 0 });
  for (let round = 0; round < 20; round++) await write(30);
  const runtime = await start();
  const other = await start({ instanceId: 'b', log: log.connect(), databases: memoryDatabases() });
  let [most, rounds] = [0, 0];
  const round = async () => {
    await runtime.runOnce(0);
    most = Math.max(most, runtime.status().bufferedBytes);
  };
  while (runtime.tasks.length > 2) {
    assert.ok(rounds++ < 1_000, 'the other one never got its task');
    await round();
    await other.runOnce(0);
  }
  for (let i = 0; i < 20; i++) await round();
  assert.ok(most < BUDGET + SLACK, `${most} bytes were held`);
  await other.leave();
  await other.close();
  await end(runtime);
});

it('a log whose commits stall holds up the reading too', async () => {
  const { log, write, start, end } = await world({ commitIntervalMs: 0 });
  const stalled = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  const stalling = altered(log, {
    transactionalProducer: async (id) => {
      const producer = await log.transactionalProducer(id);
      const commit = async () => {
        stalled.resolve();
        await resumed.promise;
        return producer.commit();
      };
      return altered(producer, { commit });
    },
  });
  const runtime = await start({ log: stalling });
  await write(30);
  const running = runtime.runUntilCaughtUp(5);
  await stalled.promise;
  for (let round = 0; round < 10; round++) await write(30);
  await systemClock.sleep(20);
  assert.ok(runtime.status().bufferedBytes < BUDGET + SLACK);
  resumed.resolve();
  await running;
  await end(runtime);
});

it('a slow store holds up the reading too', async () => {
  const databases = memoryDatabases();
  const slow = altered(databases, {
    open: async (name) => {
      const database = await databases.open(name);
      const getMany = async (keys: readonly Buffer[]) => {
        await systemClock.sleep(2);
        return database.getMany(keys);
      };
      return altered(database, { getMany });
    },
  });
  const { write, start, end } = await world({ databases: slow });
  const runtime = await start();
  let most = 0;
  for (let round = 0; round < 10; round++) {
    await write(30);
    await runtime.runOnce(0);
    most = Math.max(most, runtime.status().bufferedBytes);
  }
  assert.ok(most < BUDGET + SLACK, `${most} bytes were held`);
  await end(runtime);
});

it('outputs that have grown over the budget are committed early', async () => {
  const { write, start, end } = await world({ commitIntervalMs: 60_000, batchRecords: 1 }, 2);
  const runtime = await start();
  await write(60);
  // The first commit is due at once.
  await runtime.runOnce(0);
  let before = 0;
  let commits = 0;
  for (let round = 0; round < 15; round++) {
    await runtime.runOnce(0);
    const held = runtime.tasks.reduce((bytes, { outbox }) => bytes + outbox.bytes, 0);
    if (held < before) commits++;
    before = held;
    assert.ok(held < BUDGET + 100_000, `${held} bytes wait`);
  }
  assert.ok(commits > 3, `${commits} commits`);
  await runtime.close();
  const restarted = await start({ commitIntervalMs: 0 });
  await end(restarted);
});

it('what waits for the watermark is waited for by nobody, however much of it there is', async () => {
  const clock = jsonTopic<number>('clock', 3);
  const builder = new TopologyBuilder({ name: 'waiting', generation: 1 });
  const times = builder.source(clock);
  const waiting = builder
    .source(input)
    .keyBy('waiting', ({ n }) => `k${n % 9}`, { value: json<Large>(), release: 'at-watermark' });
  const both = builder.process(
    'both',
    defineProcessor({
      inputs: { times: port<string, number>(), waiting: port<string, Large>() },
      outputs: { counts: port<string, number>() },
      stores: {},
      process: {
        times: () => {},
        waiting: ({ key, value, timestamp }, { emit }) => emit('counts', key, value.n, timestamp),
      },
    }),
    { times: times.keyBy('times', (_, key) => key, { value: json<number>() }), waiting },
  );
  both.counts.to(output);
  const log = openSimulatedLog({ clock: systemClock, random: Math.random, maxDelayMs: 0 });
  await log.createTopics([input, output, clock]);
  const large = await TopicWriter.open(log, input);
  const filler = 'x'.repeat(20_000);
  await large.write(
    Array.from({ length: 90 }, (_, n) => ({ key: `k${n % 9}`, value: { n, filler }, timestamp: 1_000 })),
  );
  const tick = await TopicWriter.open(log, clock);
  const runtime = await sumsRuntime({
    clock: systemClock,
    instanceId: 'a',
    topology: builder.build(),
    bufferBytes: BUDGET,
    batchRecords: 5,
    log,
  });
  await runtime.start();
  await tick.write([{ key: 'k', value: 1, timestamp: 500 }]);
  await tick.announce(500);
  await runtime.runUntilCaughtUp(5);
  assert.equal(
    (await log.describeTopics([output.name]))[0]?.offsets.some(({ stable }) => stable > 1),
    false,
  );
  await tick.announce(2_000);
  await large.announce(2_000);
  await runtime.runUntilCaughtUp(5);
  const reader = await TopicReader.open(log, output, { from: 'start' });
  let outputs = 0;
  for await (const chunk of reader.untilEnd()) outputs += chunk.length;
  assert.equal(outputs, 90);
  for (const each of [reader, large, tick, runtime, log]) await each.close();
});

it('a task that is behind commits at its own interval, one that has caught up at the usual one', async () => {
  const intervals = { commitIntervalMs: 0, catchUpCommitIntervalMs: 3_600_000 };
  const { log, write, start, end } = await world({ ...intervals, bufferBytes: 64 * 1024 * 1024 });
  let commits = 0;
  const counting = altered(log, {
    transactionalProducer: async (id) => {
      const producer = await log.transactionalProducer(id);
      const commit = () => {
        commits++;
        return producer.commit();
      };
      return altered(producer, { commit });
    },
  });
  await write(100);
  const runtime = await start({ log: counting });
  const isBehind = () => runtime.tasks.some(({ input }) => (input.partitions[0]?.bufferedRecords ?? 0) > 5);
  // The first commit is due at once.
  await runtime.runOnce(5);
  commits = 0;
  let rounds = 0;
  for (; isBehind(); rounds++) {
    assert.equal(commits, 0, `in round ${rounds}`);
    await runtime.runOnce(0);
  }
  assert.ok(rounds > 2, `${rounds} rounds`);
  await end(runtime);
  assert.ok(commits > 0);
});
