import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { TopologyDriver } from '../../testing/driver.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopologyBuilder } from '../builder.ts';
import type { Emission } from '../stream.ts';
import { type RowChange, rowChangeSerde } from './row-change.ts';

type Row = { readonly group: string | null; readonly n: number };
type Step = readonly [key: string, row: Row | null];

const rows = jsonTopic<Row>('rows', 2);
const sums = jsonTopic<number>('sums', 2);
const counts = jsonTopic<number>('counts', 2);
const largest = jsonTopic<Row>('largest', 2);
const outputs = [sums, counts, largest];

function grouped(emit: Emission) {
  const builder = new TopologyBuilder({ name: 'grouped', generation: 1 });
  const groups = builder.table(rows).groupBy('by-group', ({ group }) => {
    if (group === 'refused') throw new Error('no such group');
    return group;
  });
  const value = json<number>();
  const sum = groups.aggregate('sums', {
    initial: () => 0,
    add: (total, { n }) => total + n,
    subtract: (total, { n }) => total - n,
    value,
    emit,
  });
  sum.to(sums);
  groups.count('counts', { value, emit }).to(counts);
  const add = (a: Row, b: Row) => ({ ...a, n: a.n + b.n });
  const subtract = (a: Row, b: Row) => ({ ...a, n: a.n - b.n });
  groups.reduce('largest', add, subtract, { emit }).to(largest);
  return builder.build();
}

async function open(t: TestContext | undefined, emit: Emission, batchRecords: number) {
  const driver = await TopologyDriver.open(
    async (log) => {
      await log.createTopics([rows, ...outputs]);
      return grouped(emit);
    },
    { batchRecords },
  );
  t?.after(() => driver.close());
  return driver;
}

const stepOf: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('a', 'b', 'c', 'd'),
  fc.option(
    fc.record<Row>({
      group: fc.constantFrom('x', 'y', 'z', null, 'refused'),
      n: fc.integer({ min: -5, max: 5 }),
    }),
    { nil: null },
  ),
);

/** What each group holds, by the rows that are left. */
function model(steps: readonly Step[]) {
  const left = new Map<string, Row>();
  const touched = new Set<string>();
  for (const [key, row] of steps) {
    if (row === null) left.delete(key);
    else left.set(key, row);
    if (row !== null && row.group !== null && row.group !== 'refused') touched.add(row.group);
  }
  const sum = new Map(Array.from(touched, (group) => [group, 0]));
  const count = new Map(sum);
  for (const { group, n } of left.values()) {
    if (group === null || group === 'refused') continue;
    sum.set(group, (sum.get(group) ?? 0) + n);
    count.set(group, (count.get(group) ?? 0) + 1);
  }
  return { sum, count };
}

const inOrder = (entries: Map<string, unknown>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));

describe('grouped tables', () => {
  it('give each group what its rows add up to, whatever they were before, and over restarts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(stepOf, { maxLength: 25 }),
        fc.array(stepOf, { maxLength: 25 }),
        fc.boolean(),
        fc.constantFrom<Emission>('every-update', 'per-commit'),
        async (before, after, keepStores, emit) => {
          const driver = await open(undefined, emit, 3);
          const records = [...before, ...after].map(([key, row], i) => [key, row, i] as const);
          await driver.pipe(rows, ...records.slice(0, before.length));
          await driver.settle();
          await driver.restart({ keepStores });
          await driver.pipe(rows, ...records.slice(before.length));
          await driver.settle();
          const expected = model([...before, ...after]);
          assert.deepEqual(inOrder(await driver.store('sums/state')), inOrder(expected.sum));
          assert.deepEqual(inOrder(await driver.store('counts/state')), inOrder(expected.count));
          const last = new Map((await driver.read(sums)).map(({ key, value }) => [key, value]));
          assert.deepEqual(inOrder(last), inOrder(expected.sum));
          const digests = driver.digests();
          await driver.restart({ keepStores: false });
          assert.deepEqual(driver.digests(), digests);
          await driver.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  it('give the same results however the input is cut into batches', async (t) => {
    const steps =
      fc.sample(fc.array(stepOf, { minLength: 60, maxLength: 60 }), { numRuns: 1, seed: 7 })[0] ?? [];
    const results: unknown[] = [];
    for (const batchRecords of [1, 7, 1_000]) {
      const driver = await open(t, 'every-update', batchRecords);
      await driver.pipe(rows, ...steps.map(([key, row], i) => [key, row, i] as const));
      await driver.settle();
      const emitted = [];
      // Each upstream task writes in its own order; how two of them interleave is the log's business.
      for (const topic of outputs) {
        const seen = (await driver.read(topic as typeof sums)).map(({ key, value }) => [key, value]);
        emitted.push(new Map(seen as [string, unknown][]));
      }
      results.push([emitted, [...driver.digests()].filter(([name]) => !name.includes('largest'))]);
    }
    assert.deepEqual(results[1], results[0]);
    assert.deepEqual(results[2], results[0]);
  });

  it('change a group once when a row of it changes', async (t) => {
    const driver = await open(t, 'every-update', 1);
    await driver.pipe(rows, ['a', { group: 'x', n: 1 }, 1], ['b', { group: 'x', n: 2 }, 2]);
    await driver.settle();
    await driver.pipe(rows, ['a', { group: 'x', n: 5 }, 3]);
    await driver.settle();
    await driver.pipe(rows, ['a', null, 4], ['b', null, 5]);
    await driver.settle();
    const seen = (await driver.read(sums)).map(({ key, value, timestamp }) => [key, value, timestamp]);
    assert.equal(JSON.stringify(seen.filter(([, , at]) => at === 3)), JSON.stringify([['x', 7, 3]]));
    assert.deepEqual(await driver.store('counts/state'), new Map([['x', 0]]));
  });

  it('count a row of no group as dropped, and send one whose group can’t be told to the dead letters', async (t) => {
    const driver = await open(t, 'every-update', 10);
    await driver.pipe(rows, ['a', { group: 'x', n: 1 }, 1]);
    await driver.settle();
    await driver.pipe(rows, ['a', { group: 'refused', n: 1 }, 2], ['b', { group: null, n: 1 }, 3]);
    await driver.settle();
    await driver.pipe(rows, ['a', { group: 'x', n: 3 }, 4]);
    await driver.settle();
    const letters = (await driver.readDeadLetters()).map(({ value }) => [value?.operator, value?.message]);
    assert.deepEqual(letters, [['by-group-refused', 'no such group']]);
    const dropped = await driver.metrics.render();
    assert.match(dropped, /engine_dropped_records_total\{operator="by-group-rows",reason="null-key"\} 1/);
    assert.deepEqual(await driver.store('sums/state'), new Map([['x', 3]]));
  });

  it('keep the framing of the rows’ serde in front of each change', () => {
    const framed = {
      ...json<number>(),
      encode: (value: number) => Buffer.from(`FRAME${value}`),
      decode: (bytes: Buffer) => {
        assert.equal(bytes.subarray(0, 5).toString(), 'FRAME');
        return Number(bytes.subarray(5).toString());
      },
      framing: 5,
    };
    const serde = rowChangeSerde(framed);
    const changes: RowChange<number>[] = [{ removed: 1 }, { added: 22 }, { removed: 333, added: 4 }];
    for (const change of changes) {
      const bytes = serde.encode(change);
      assert.equal(bytes.subarray(0, serde.framing).toString(), 'FRAME');
      assert.deepEqual(serde.decode(bytes), change);
    }
  });
});
