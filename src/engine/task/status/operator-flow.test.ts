import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { openSimulatedLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { deadLetterTopic } from '../../dead-letter-topic.ts';
import type { OperatorCounts } from '../../operators/operator-flow.ts';
import { memoryDatabases } from '../../store/memory/memory-database.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopicWriter } from '../../topic-writer.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import { defineProcessor, port } from '../../topology/processor.ts';
import type { Topology } from '../../topology/topology.ts';
import { StreamsRuntime } from '../runtime.ts';

const input = jsonTopic<number>('input', 2);
const output = jsonTopic<number>('output', 2);
const others = jsonTopic<number>('others', 2);

/** Hands on what is below 10, twice what is below 5; drops 10 as late; fails on more. */
const choosy = defineProcessor({
  inputs: { records: port<string, number>() },
  outputs: { taken: port<string, number>(), unused: port<string, number>() },
  stores: { last: { value: json<number>() } },
  process: {
    records: ({ key, value, timestamp }, { stores, emit, drop }) => {
      if (value > 10) throw new Error('too much');
      if (value === 10) return drop('late');
      stores.last.put(key, value, timestamp);
      emit('taken', key, value, timestamp);
      if (value < 5) emit('taken', key, value, timestamp);
      emit('unused', key, value, timestamp);
    },
  },
});

function topology(): Topology {
  const builder = new TopologyBuilder({ name: 'counted', generation: 1 });
  const source = builder.source(input).filter((value) => value > 0);
  const { taken } = builder.process('choosy', choosy, { records: source });
  taken.to(output);
  taken.to(others);
  return builder.build();
}

async function open(t: TestContext, batchRecords: number) {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0 });
  const deadLetters = await deadLetterTopic(log.registry);
  await log.createTopics([input, output, others, deadLetters]);
  const metrics = createMetrics();
  const runtime = new StreamsRuntime({
    log,
    topology: topology(),
    databases: memoryDatabases(),
    clock: systemClock,
    logger: createLogger({ level: 'silent', name: 'test' }),
    metrics,
    deadLetters,
    instanceId: 'a',
    commitIntervalMs: 0,
    batchRecords,
  });
  await runtime.start();
  t.after(async () => {
    await writer.close();
    await runtime.close();
    await log.close();
  });
  const writer = await TopicWriter.open(log, input);
  const write = (count: number) =>
    writer.write(Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: i % 13, timestamp: i })));
  await write(130);
  do await runtime.runOnce(5);
  while (!runtime.isCaughtUp);
  return { runtime, metrics, log, write };
}

function summed(tasks: readonly (readonly OperatorCounts[])[]): Record<string, unknown> {
  const sum = (records: readonly Readonly<Record<string, number>>[]) => {
    const total: Record<string, number> = {};
    for (const each of records)
      for (const [name, n] of Object.entries(each)) total[name] = (total[name] ?? 0) + n;
    return total;
  };
  const byOperator = Map.groupBy(tasks.flat(), ({ operator }) => operator);
  return Object.fromEntries(
    Array.from(byOperator, ([operator, all]) => [
      operator,
      {
        ...sum(all.map(({ in: taken, out }) => ({ in: taken, out }))),
        dropped: sum(all.map(({ dropped }) => dropped)),
        rejected: sum(all.map(({ rejected }) => rejected)),
      },
    ]),
  );
}

for (const batchRecords of [1, 1_000]) {
  it(`counts what operators take, hand on, drop and reject, in batches of ${batchRecords}`, async (t) => {
    const { runtime, metrics } = await open(t, batchRecords);
    assert.deepEqual(summed(runtime.tasks.map((task) => task.operators())), {
      input: { in: 130, out: 130, dropped: {}, rejected: {} },
      'filter-2': { in: 130, out: 120, dropped: {}, rejected: {} },
      choosy: { in: 120, out: 130, dropped: { late: 10 }, rejected: { MR_PROCESSOR_THREW: 20 } },
      'output-sink': { in: 130, out: 0, dropped: {}, rejected: {} },
      'others-sink': { in: 130, out: 0, dropped: {}, rejected: {} },
    });
    const rendered = await metrics.render();
    for (const line of [
      'engine_operator_records_total{operator="filter-2",direction="in"} 130',
      'engine_operator_records_total{operator="choosy",direction="out"} 130',
      'engine_dropped_records_total{operator="choosy",reason="late"} 10',
      'engine_rejected_records_total{operator="choosy",reason="MR_PROCESSOR_THREW"} 20',
    ]) {
      assert.ok(rendered.includes(line), `${line} in ${rendered}`);
    }
  });
}

it('counts a record once in the metrics, however often a passing fault has it processed', async (t) => {
  const { runtime, metrics, log, write } = await open(t, 1_000);
  await write(130);
  log.faults.failNextAppends(2);
  do await runtime.runOnce(5);
  while (!runtime.isCaughtUp);
  const rendered = await metrics.render();
  assert.match(rendered, /engine_retries_total\{reason="MR_LOG_UNAVAILABLE"\} [12]/);
  for (const line of [
    'engine_operator_records_total{operator="choosy",direction="in"} 240',
    'engine_dropped_records_total{operator="choosy",reason="late"} 20',
    'engine_rejected_records_total{operator="choosy",reason="MR_PROCESSOR_THREW"} 40',
  ]) {
    assert.ok(rendered.includes(line), `${line} in ${rendered}`);
  }
});
