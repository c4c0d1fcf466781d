import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { TopologyDriver } from '../../testing/driver.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopologyBuilder } from '../builder.ts';
import type { Stream } from '../stream.ts';
import type { GlobalTable } from './global-table.ts';

type Order = { readonly item: string | null; readonly amount: number };

const orders = jsonTopic<Order>('orders', 2);
const items = {
  ...jsonTopic<string>('items', 3),
  cleanup: { policy: 'compact', tombstoneRetentionMs: 1_000 } as const,
};
const lines = jsonTopic<string>('lines', 2);

type Join = (orders: Stream<string, Order>, items: GlobalTable<string, string>) => Stream<string, string>;

const inner: Join = (stream, table) =>
  stream.joinGlobal(
    'with-item',
    table,
    ({ value }) => value.item,
    ({ amount }, item) => `${amount} ${item}`,
  );
const left: Join = (stream, table) =>
  stream.leftJoinGlobal(
    'with-item',
    table,
    ({ value }) => value.item,
    ({ amount }, item) => `${amount} ${item ?? '-'}`,
  );

async function open(t: TestContext, join: Join) {
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([orders, items, lines]);
    const builder = new TopologyBuilder({ name: 'shop', generation: 1 });
    join(builder.source(orders), builder.globalTable(items)).to(lines);
    return builder.build();
  });
  t.after(() => driver.close());
  const run = async (...records: (readonly [string, Order, number])[]) => {
    await driver.pipe(orders, ...records);
    await driver.settle();
    return (await driver.read(lines))
      .map(({ key, value, timestamp }) => `${key} ${value} ${timestamp}`)
      .sort();
  };
  return { driver, run };
}

const order = (key: string, item: string | null, amount: number, at: number) =>
  [key, { item, amount }, at] as const;

it('an inner join finds the row that the record chooses, whatever the partitions of both', async (t) => {
  const { driver, run } = await open(t, inner);
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  await driver.pipe(items, ...names.map((name) => [name, `item ${name}`, 50] as const));
  const out = await run(
    ...names.map((name, i) => order(`u${i}`, name, i, i)),
    order('u9', 'none', 9, 9),
    order('u9', null, 8, 9),
  );
  assert.deepEqual(
    out,
    names.map((name, i) => `u${i} ${i} item ${name} ${i}`),
  );
  const metrics = await driver.metrics.render();
  assert.match(metrics, /engine_dropped_records_total\{operator="with-item",reason="null-key"\} 1/);
});

it('a left join hands on null where no row is chosen or none is there', async (t) => {
  const { driver, run } = await open(t, left);
  await driver.pipe(items, ['a', 'apple', 1]);
  const out = await run(order('u', 'a', 1, 1), order('u', 'b', 2, 2), order('u', null, 3, 3));
  assert.deepEqual(out, ['u 1 apple 1', 'u 2 - 2', 'u 3 - 3']);
  assert.doesNotMatch(await driver.metrics.render(), /reason="null-key"/);
});

it('a record finds the newest row, in no event time, and none that was removed', async (t) => {
  const { driver, run } = await open(t, left);
  await driver.pipe(items, ['a', 'apple', 900]);
  assert.deepEqual(await run(order('u', 'a', 1, 1)), ['u 1 apple 1']);
  await driver.pipe(items, ['a', 'apricot', 2]);
  assert.deepEqual(await run(order('u', 'a', 2, 950)), ['u 2 apricot 950']);
  await driver.pipe(items, ['a', null, 3]);
  assert.deepEqual(await run(order('u', 'a', 3, 951)), ['u 3 - 951']);
  assert.equal((await driver.globalTable(items)).size, 0);
});

it('rows are there again after a restart, from the disk and from the topic', async (t) => {
  const { driver, run } = await open(t, inner);
  await driver.pipe(items, ['a', 'apple', 1], ['b', 'pear', 1]);
  assert.deepEqual(await run(order('u', 'a', 1, 1)), ['u 1 apple 1']);
  for (const keepStores of [true, false]) {
    await driver.pipe(items, ['c', `cherry ${keepStores}`, 2]);
    await driver.restart({ keepStores });
    assert.equal((await driver.globalTable(items)).size, 3, 'read before the first record');
    assert.deepEqual(await run(order('u', 'b', 2, 2), order('v', 'c', 3, 3)), [
      'u 2 pear 2',
      `v 3 cherry ${keepStores} 3`,
    ]);
  }
});

it('a record of the table that can’t be read is passed over and counted; of a row the last good one stays', async (t) => {
  const { driver, run } = await open(t, inner);
  const producer = await driver.log.producer();
  const raw = (key: string | null, value: string) => {
    return { key: key === null ? null : Buffer.from(key), value: Buffer.from(value), timestamp: 1 };
  };
  await producer.append('items', 0, [raw('a', '"apple"'), raw('a', 'no JSON')]);
  await producer.close();
  assert.deepEqual(await run(order('u', 'a', 1, 1)), ['u 1 apple 1']);
  assert.match(
    await driver.metrics.render(),
    /engine_rejected_records_total\{operator="items",reason="MR_PROCESSOR_THREW"\} 1/,
  );
});

it('what the choice of a key or the joiner throws sends the record to the dead letters', async (t) => {
  const { driver, run } = await open(t, (stream, table) =>
    stream.leftJoinGlobal(
      'with-item',
      table,
      ({ value }) => {
        if (value.amount === 1) throw new Error('no choice');
        return value.item;
      },
      ({ amount }, item) => {
        if (amount === 2) throw new Error('no pair');
        return `${amount} ${item ?? '-'}`;
      },
    ),
  );
  assert.deepEqual(await run(order('u', 'a', 1, 1), order('u', 'a', 2, 2), order('u', 'a', 3, 3)), [
    'u 3 - 3',
  ]);
  const letters = (await driver.readDeadLetters()).map(({ value }) => [value?.operator, value?.message]);
  assert.deepEqual(letters, [
    ['with-item', 'no choice'],
    ['with-item', 'no pair'],
  ]);
});

it('a key that is no text, and a state behind the join', async (t) => {
  const numbers = { ...jsonTopic<string>('numbers'), key: { toText: String, fromText: Number } };
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([orders, lines, numbers]);
    const builder = new TopologyBuilder({ name: 'shop', generation: 1 });
    builder
      .source(orders)
      .joinGlobal(
        'named',
        builder.globalTable(numbers),
        ({ value }) => value.amount,
        (_, name) => name,
      )
      .reduce('names', (all, name) => `${all}, ${name}`, { value: json<string>() })
      .to(lines);
    return builder.build();
  });
  t.after(() => driver.close());
  await driver.pipe(numbers, [1, 'one', 1], [2, 'two', 1]);
  await driver.pipe(orders, order('u', null, 2, 1), order('u', null, 1, 2), order('u', null, 3, 3));
  await driver.settle();
  assert.deepEqual(await driver.store('names/state'), new Map([['u', 'two, one']]));
});

it('a global table is declared once, under a name', () => {
  const builder = new TopologyBuilder({ name: 'shop', generation: 1 });
  builder.globalTable(items);
  assert.throws(() => builder.globalTable(items), { code: 'MR_TOPOLOGY_INVALID' });
  assert.throws(() => builder.globalTable({ ...items, name: 'No Name' }), { code: 'MR_TOPOLOGY_INVALID' });
});
