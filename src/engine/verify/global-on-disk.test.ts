import assert from 'node:assert/strict';
import { it } from 'node:test';
import { seededRandom } from '#models';
import { testSeed } from '#platform/testing';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { compareGlobalTable, globalTablesOf } from './global-on-disk.ts';
import { World } from './testing/world.ts';

const orders = jsonTopic<number>('orders');
const prices = jsonTopic<number>('prices', 2);
const COPY = 'global.a.prices';

const shop = (() => {
  const builder = new TopologyBuilder({ name: 'shop', generation: 1 });
  builder
    .source(orders)
    .leftJoinGlobal(
      'priced',
      builder.globalTable(prices),
      ({ key }) => key,
      (amount, price) => amount * (price ?? 1),
    )
    .aggregate('sum', { initial: () => 0, add: (sum, { value }) => sum + value, value: json<number>() });
  return builder.build();
})();

it('a copy of a global table equals its topic; rows that do not, or are missing, or too many, are found', async (t) => {
  const random = seededRandom(testSeed);
  const world = await World.open(t, [orders, prices]);
  const keys = Array.from({ length: 20 }, (_, i) => `item ${i}`);
  await world.pipe(prices, ...keys.map((key) => [key, 300, 1] as const));
  await world.pipe(prices, [keys[3] ?? '', null, 2], [keys[4] ?? '', 500, 2]);
  await world.pipe(orders, ['item 1', 2, 3]);
  await world.settle(shop);
  const [topic = assert.fail()] = globalTablesOf(shop);
  const compare = () => compareGlobalTable(topic, COPY, world);
  assert.deepEqual(await compare(), { name: COPY, result: 'equal' });
  const rowOf = (key: string) => Buffer.from(`\x01\0${key}`);
  for (let i = 0; i < 20; i++) {
    const key = keys[i] ?? '';
    if (i === 3) continue;
    const sound = Buffer.from(i === 4 ? '500' : '300');
    const bit = random.integer(8 * sound.length);
    const value = Buffer.from(sound);
    value[bit >> 3] = (value[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await world.meddle(COPY, (database) => database.write([{ key: rowOf(key), value }]));
    const expected = { name: COPY, result: 'different', rows: 1, firstKey: key };
    assert.deepEqual(await compare(), expected, `bit ${bit} of ${key}, seed ${testSeed}`);
    await world.meddle(COPY, (database) => database.write([{ key: rowOf(key), value: sound }]));
  }
  await world.meddle(COPY, (database) =>
    database.write([
      { key: rowOf('item 3'), value: Buffer.from('1') },
      { key: rowOf('item 5'), value: null },
    ]),
  );
  assert.deepEqual(await compare(), { name: COPY, result: 'different', rows: 2, firstKey: 'item 3' });
  // A row that the topic has a newer record of can't be judged.
  await world.pipe(prices, ['item 3', 1, 4], ['item 5', 1, 4]);
  assert.deepEqual(await compare(), { name: COPY, result: 'equal' });
});
