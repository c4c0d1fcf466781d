import assert from 'node:assert/strict';
import { it } from 'node:test';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { compareWithRebuild } from './rebuild.ts';
import { World } from './testing/world.ts';
import { verify } from './verify.ts';

const orders = jsonTopic<number>('orders');
const prices = jsonTopic<number>('prices', 2);

/** A sum before the join, one after it, and one after it in other tasks. */
function shop() {
  const value = json<number>();
  const add = (sum: number, order: { value: number }) => sum + order.value;
  const builder = new TopologyBuilder({ name: 'shop', generation: 1 });
  const stream = builder.source(orders);
  stream.aggregate('before', { initial: () => 0, add, value });
  const priced = stream.leftJoinGlobal(
    'priced',
    builder.globalTable(prices),
    ({ key }) => key,
    (amount, price) => amount * (price ?? 1),
  );
  priced.filter(() => true).aggregate('behind', { initial: () => 0, add, value });
  priced.keyBy('elsewhere', (_, key) => key, { value }).aggregate('sum', { initial: () => 0, add, value });
  return builder.build();
}

it('a journal proves all stores but those behind a global table, and says which', async (t) => {
  const world = await World.open(t, [orders, prices]);
  for (const price of [3, 5]) {
    await world.pipe(prices, ['a', price, 1]);
    await world.pipe(orders, ['a', 1, price]);
    await world.settle(shop());
  }
  const results = await Array.fromAsync(verify({ ...world, topology: shop() }));
  assert.deepEqual(
    results.map(({ task, difference, uncompared, records }) => ({ task, difference, uncompared, records })),
    [
      { task: 'orders-0', difference: undefined, uncompared: ['behind/state'], records: 2 },
      { task: 'elsewhere-0', difference: undefined, uncompared: [], records: 2 },
    ],
  );
});

it('a rebuild is refused, or, forced, takes the rows of now', async (t) => {
  const world = await World.open(t, [orders, prices]);
  for (const price of [3, 5]) {
    await world.pipe(prices, ['a', price, 1]);
    await world.pipe(orders, ['a', 1, price]);
    await world.settle(shop());
  }
  const compare = (force: boolean) =>
    Array.fromAsync(compareWithRebuild({ ...world, topology: shop(), force }));
  await assert.rejects(compare(false), {
    code: 'MR_REBUILD_DEPENDS_ON_ARRIVAL',
    message: /priced in orders-0/,
  });
  const [changed] = await compare(true);
  assert.deepEqual(changed?.dependsOnArrival, ['priced']);
  assert.deepEqual(changed?.stores.equal, ['before/state']);
  assert.deepEqual(changed?.stores.different, ['behind/state']);
});

it('a forced rebuild equals the live task where the table has not changed', async (t) => {
  const world = await World.open(t, [orders, prices]);
  await world.pipe(prices, ['a', 3, 1], ['b', 4, 1]);
  await world.pipe(orders, ['a', 1, 1], ['b', 2, 2]);
  await world.settle(shop());
  for await (const { stores } of compareWithRebuild({ ...world, topology: shop(), force: true })) {
    assert.deepEqual(stores.different, []);
    assert.ok(stores.equal.length > 0);
  }
});
