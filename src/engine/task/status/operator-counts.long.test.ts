import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { OperatorCounts } from '../../operators/operator-flow.ts';
import { type Topic, textKey } from '../../serde.ts';
import { TopologyDriver } from '../../testing/driver.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import { describeTopology, type NodeDescription } from '../../topology/describe.ts';
import { defineProcessor, port } from '../../topology/processor.ts';
import type { Topology } from '../../topology/topology.ts';
import { session, tumbling } from '../../topology/windows/window.ts';
import { windowedKey } from '../../topology/windows/windowed-key.ts';

const PARTITIONS = 2;
const clicks = jsonTopic<number>('clicks', PARTITIONS);
const others = jsonTopic<number>('others', PARTITIONS);
const rows = jsonTopic<number>('rows', PARTITIONS);
const everywhere = jsonTopic<number>('everywhere', 1);
const middle = jsonTopic<number>('middle', PARTITIONS);
const results = Array.from({ length: 6 }, (_, i) => jsonTopic<number>(`results-${i}`, PARTITIONS));
const windows = { ...jsonTopic<number>('windows', PARTITIONS), key: windowedKey(textKey) };
const sessions = { ...windows, name: 'sessions-out' };
const topics = [clicks, others, rows, everywhere, middle, windows, sessions, ...results];
const value = json<number>();
const grace = { graceMs: 0 };

const twoOutputs = defineProcessor({
  inputs: { records: port<string, number>() },
  outputs: { small: port<string, number>(), large: port<string, number>() },
  stores: { last: { value, ttlMs: 50 } },
  process: {
    records: ({ key, value, timestamp }, { stores, emit, drop, setTimer }) => {
      if (value === 13) throw new Error('it can\u2019t be processed');
      if (value === 7) return drop('unlucky');
      stores.last.put(key, value, timestamp);
      emit(value < 10 ? 'small' : 'large', key, value, timestamp);
      setTimer(key, timestamp + 20);
    },
  },
  onTimer: (key, dueMs, { emit }) => emit('small', key, 0, dueMs),
});

/** Every kind of operator that there is. */
function everyKind(): Topology {
  const builder = new TopologyBuilder({ name: 'kinds', generation: 1 });
  const source = builder.source(clicks);
  const other = builder.source(others);
  const table = builder.table(rows);
  const { even, odd } = source
    .filter((n) => n >= 0)
    .branch({ even: (n) => n % 2 === 0, odd: (n) => n % 3 === 0 });
  const merged = even.map((n) => n + 1).merge(odd.flatMap((n) => [n, n]));
  const { small, large } = builder.process('two', twoOutputs, { records: merged });
  small.lastPerCommit().to(results[0] as Topic<string, number>);
  const counted = large
    .keyBy('by-value', (n) => (n === 21 ? (null as unknown as string) : `v${n % 4}`), { value })
    .count('by-value-count', { value, emit: 'per-commit' });
  counted.groupBy('by-count', (n) => (n > 3 ? null : `c${n}`)).count('by-count-count', { value });
  source
    .windowed(tumbling({ sizeMs: 20, ...grace }))
    .count('tumbling', { value })
    .to(windows);
  const late = { value, emit: 'on-close' } as const;
  other
    .windowed(session({ gapMs: 10, ...grace }))
    .count('sessions', late)
    .suppress('held', { forMs: 5 })
    .to(sessions);
  const both = { beforeMs: 5, afterMs: 5, ...grace, value, other: value };
  source
    .leftJoinStream('pairs', other, { ...both, join: (a, b) => a + (b ?? 0) })
    .to(results[1] as Topic<string, number>);
  source
    .join('with-row', table, (n, row) => n + (row ?? 0))
    .through(middle)
    .to(results[2] as Topic<string, number>);
  source
    .joinGlobal(
      'with-global',
      builder.globalTable(everywhere),
      ({ value: n }) => (n === 9 ? null : `g${n % 3}`),
      (a, b) => a + b,
    )
    .to(results[3] as Topic<string, number>);
  table
    .join(
      'tables',
      source.toTable(value).filter((n) => n !== 8),
      (a, b) => a + b,
      { value },
    )
    .to(results[4] as Topic<string, number>);
  table
    .joinForeignKey(
      'foreign',
      source.toTable(value),
      (n) => (n % 5 === 0 ? null : `k${n % 5}`),
      (a, b) => a + b,
      { value },
    )
    .to(results[5] as Topic<string, number>);
  return builder.build();
}

type Counts = { in: number; out: number; dropped: number; rejected: number };

function summed(all: readonly OperatorCounts[]): Map<string, Counts> {
  const total = (reasons: Readonly<Record<string, number>>) =>
    Object.values(reasons).reduce((a, b) => a + b, 0);
  const counts = new Map<string, Counts>();
  for (const { operator, in: taken, out, dropped, rejected } of all) {
    const sum = counts.get(operator) ?? { in: 0, out: 0, dropped: 0, rejected: 0 };
    sum.in += taken;
    sum.out += out;
    sum.dropped += total(dropped);
    sum.rejected += total(rejected);
    counts.set(operator, sum);
  }
  return counts;
}

for (const batchRecords of [1, 50]) {
  it(`what an operator has handed on is what those behind it have taken, in batches of ${batchRecords}`, async () => {
    const driver = await TopologyDriver.open(
      async (log) => {
        await log.createTopics(topics);
        return everyKind();
      },
      { batchRecords },
    );
    const input = (from: number) =>
      Array.from({ length: 40 }, (_, i) => {
        const late = i % 10 === 9 ? 300 : 0;
        return [`k${i % 6}`, (from + i) % 24, Math.max(0, 10 * (from + i) - late)] as const;
      });
    await driver.pipe(everywhere, ...['g0', 'g1'].map((key) => [key, 1, 0] as const));
    for (const from of [0, 40]) {
      await driver.pipe(rows, ...input(from), ['k1', null, from]);
      await driver.pipe(clicks, ...input(from));
      await driver.pipe(others, ...input(from));
      await driver.settle();
    }
    await driver.advanceEventTime(100_000);
    await driver.settle();
    const counts = summed(driver.report().tasks.flatMap(({ operators }) => operators));
    const { subTopologies } = describeTopology(everyKind());
    const nodes = subTopologies.flatMap((each) => each.nodes);
    const of = (name: string): Counts => {
      const found = counts.get(name);
      assert.ok(found, `${name} is counted`);
      return found;
    };
    const byName = new Map(nodes.map((node): [string, NodeDescription] => [node.name, node]));
    for (const node of nodes) {
      const isWhole = node.inputs.every(({ node: from }) => (byName.get(from)?.outputs.length ?? 0) === 1);
      if (node.kind !== 'source' && isWhole) {
        const handedOn = node.inputs.reduce((sum, { node: from }) => sum + of(from).out, 0);
        assert.equal(of(node.name).in, handedOn, `${node.name} takes what it is given`);
      }
      if (node.kind === 'source') assert.equal(of(node.name).out, of(node.name).in - of(node.name).rejected);
      if (node.kind === 'stateless' && node.name.startsWith('map'))
        assert.equal(of(node.name).out, of(node.name).in);
      if (node.kind === 'merge') assert.equal(of(node.name).out, of(node.name).in);
      if (node.kind !== 'sink') continue;
      const readers = nodes.filter((other) => other.kind === 'source' && other.topic === node.topic);
      const { in: taken, dropped, rejected } = of(node.name);
      for (const reader of readers) assert.equal(of(reader.name).in, taken - dropped - rejected, reader.name);
    }
    const two = of('two');
    assert.ok(two.dropped > 0 && two.rejected > 0);
    assert.equal(of('clicks').in, 80);
    assert.ok(of('tumbling').dropped > 0, 'late records are counted');
    assert.ok(of('by-value-sink').dropped > 0, 'records without a key are counted');
    for (const topic of results) {
      const { in: taken, dropped, rejected } = of(`${topic.name}-sink`);
      assert.equal((await driver.read(topic)).length, taken - dropped - rejected, topic.name);
    }
    const letters = await driver.readDeadLetters();
    assert.equal(
      letters.length,
      [...counts.values()].reduce((sum, { rejected }) => sum + rejected, 0),
    );
    await driver.close();
  });
}
