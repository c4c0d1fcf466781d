import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TopologyDriver } from '../../testing/driver.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopologyBuilder } from '../builder.ts';
import { answerSerde, subscriptionSerde } from './foreign-key.ts';

type Order = { readonly item: string | null; readonly n: number };

const orders = {
  ...jsonTopic<Order>('orders', 3),
  cleanup: { policy: 'compact', tombstoneRetentionMs: 1 },
} as const;
const items = {
  ...jsonTopic<string>('items', 2),
  cleanup: { policy: 'compact', tombstoneRetentionMs: 1 },
} as const;
const output = jsonTopic<string | null>('output', 3);

function open(type: 'inner' | 'left', versioned = false) {
  return TopologyDriver.open(async (log) => {
    await log.createTopics([orders, items, output]);
    const builder = new TopologyBuilder({ name: 'shop', generation: 1 });
    const mark = { historyMs: 1_000 };
    const left = versioned ? builder.table(orders).versioned(mark) : builder.table(orders);
    const right = versioned ? builder.table(items).versioned(mark) : builder.table(items);
    const join = (order: Order, item: string | null) => `${order.n} of ${item}`;
    const itemOf = (order: Order) => order.item;
    const value = json<string>();
    const joined =
      type === 'inner'
        ? left.joinForeignKey('named', right, itemOf, join, { value })
        : left.leftJoinForeignKey('named', right, itemOf, join, { value });
    joined.toStream().to(output);
    return builder.build();
  });
}

/** The rows that are left; none, and no tombstone, is older than the row that it replaces. */
async function lastPerKey(driver: TopologyDriver): Promise<Map<string, string>> {
  const last = new Map<string, string>();
  const times = new Map<string, number>();
  for (const { key, value, timestamp } of await driver.read(output)) {
    assert.ok(timestamp >= (times.get(key) ?? 0), `${key} went back to ${timestamp}`);
    times.set(key, timestamp);
    if (value === null) last.delete(key);
    else last.set(key, value);
    if (value === null) times.delete(key);
  }
  return last;
}

/** What the join is of the rows as they stand. */
function model(type: 'inner' | 'left', left: Map<string, Order>, right: Map<string, string>) {
  const joined = new Map<string, string>();
  for (const [key, order] of left) {
    const item = order.item === null ? undefined : right.get(order.item);
    if (item !== undefined || type === 'left') joined.set(key, `${order.n} of ${item ?? null}`);
  }
  return joined;
}

type Change =
  | { readonly of: 'order'; readonly key: string; readonly value: Order | null }
  | { readonly of: 'item'; readonly key: string; readonly value: string | null };
type Step = Change | 'settle' | 'restart' | 'lose';

// Keys that begin alike, and one that is the beginning of another's subscription.
const item = fc.constantFrom('a', 'aa', 'b', 'a\u0000b');
const row: fc.Arbitrary<Order> = fc.record({ item: fc.option(item, { freq: 4 }), n: fc.nat(9) });
const word: fc.Arbitrary<string> = fc.constantFrom('x', 'y', 'z');
const order = fc
  .tuple(fc.constantFrom('1', '2', 'b3', '4', '5'), fc.option(row, { freq: 4 }))
  .map(([key, value]): Change => ({ of: 'order', key, value }));
const name = fc
  .tuple(item, fc.option(word, { freq: 3 }))
  .map(([key, value]): Change => ({ of: 'item', key, value }));
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: order },
    { weight: 4, arbitrary: name },
    { weight: 4, arbitrary: fc.constant('settle' as const) },
    { weight: 1, arbitrary: fc.constantFrom('restart' as const, 'lose' as const) },
  ),
  { maxLength: 30 },
);
/** How far each change lies in the past of those before. */
const delays = fc.infiniteStream(fc.nat(8));

function put<V>(rows: Map<string, V>, key: string, value: V | null): void {
  if (value === null) rows.delete(key);
  else rows.set(key, value);
}

describe('a join by foreign key', () => {
  for (const type of ['inner', 'left'] as const) {
    it(`has the pairs of the rows as they stand: ${type}`, async () => {
      await fc.assert(
        fc.asyncProperty(steps, delays, async (all, delay) => {
          const driver = await open(type);
          const [left, right] = [new Map<string, Order>(), new Map<string, string>()];
          let last = 1;
          const at = () => Math.max(0, ++last - Number(delay.next().value));
          for (const step of all) {
            if (step === 'settle') await driver.settle();
            else if (step === 'restart') await driver.restart({ keepStores: true });
            else if (step === 'lose') await driver.restart({ keepStores: false });
            else if (step.of === 'order') {
              await driver.pipe(orders, [step.key, step.value, at()]);
              put(left, step.key, step.value);
            } else {
              await driver.pipe(items, [step.key, step.value, at()]);
              put(right, step.key, step.value);
            }
          }
          await driver.settle();
          assert.deepEqual(sorted(await lastPerKey(driver)), sorted(model(type, left, right)));
          assert.deepEqual(await driver.readDeadLetters(), []);
          // As many subscriptions are left as there are rows that name a key.
          const naming = [...left.values()].filter((row) => row.item !== null).length;
          assert.equal((await driver.store('named-answer/subscribers')).size, naming);
          await driver.close();
        }),
        { numRuns: 60 },
      );
    });
  }

  it('lets no tombstone out that is older than what it removes', async () => {
    for (const versioned of [false, true]) {
      const driver = await open('inner', versioned);
      const step = async (of: 'order' | 'item', key: string, value: Order | string | null, at: number) => {
        if (of === 'order') await driver.pipe(orders, [key, value as Order | null, at]);
        else await driver.pipe(items, [key, value as string | null, at]);
        await driver.settle();
      };
      await step('item', 'a', 'x', 10);
      await step('order', '1', { item: 'a', n: 1 }, 3);
      // Deleted; named again; a change to an item that is not there, and one to an older item.
      await step('order', '1', null, 5);
      await step('order', '1', { item: 'a', n: 2 }, 6);
      await step('order', '1', { item: 'none', n: 3 }, 7);
      await step('order', '1', { item: 'a', n: 4 }, 8);
      await step('item', 'b', 'y', 2);
      await step('order', '1', { item: 'b', n: 5 }, 9);
      const outs = (await driver.read(output)).map(({ value, timestamp }) => [value, timestamp]);
      assert.deepEqual(outs, [
        ['1 of x', 10],
        [null, 10],
        ['2 of x', 10],
        [null, 10],
        ['4 of x', 10],
        ['5 of y', 10],
      ]);
      await driver.close();
    }
  });

  it('is deleted with its left row, also when its history is asked', async () => {
    const probes = jsonTopic<string>('probes', 3);
    const driver = await TopologyDriver.open(async (log) => {
      await log.createTopics([orders, items, output, probes]);
      const builder = new TopologyBuilder({ name: 'shop', generation: 1 });
      const join = (order: Order, item: string) => `${order.n} of ${item}`;
      const joined = builder
        .table(orders)
        .joinForeignKey('named', builder.table(items), ({ item }) => item, join, { value: json<string>() });
      builder
        .source(probes)
        .join('as-of', joined.versioned({ historyMs: 1_000 }), (_, row): string | null => row ?? 'none')
        .to(output);
      return builder.build();
    });
    await driver.pipe(items, ['a', 'x', 10]);
    await driver.settle();
    await driver.pipe(orders, ['1', { item: 'a', n: 1 }, 3]);
    await driver.settle();
    await driver.pipe(orders, ['1', null, 5]);
    await driver.settle();
    await driver.pipe(probes, ['1', '', 20]);
    await driver.settle();
    assert.deepEqual(await lastPerKey(driver), new Map([['1', 'none']]));
    await driver.close();
  });

  it('takes the later timestamp of both rows', async () => {
    const driver = await open('inner');
    await driver.pipe(items, ['a', 'x', 50]);
    await driver.settle();
    await driver.pipe(orders, ['1', { item: 'a', n: 1 }, 20]);
    await driver.settle();
    await driver.pipe(items, ['a', 'y', 10]);
    await driver.settle();
    const outs = (await driver.read(output)).map(({ value, timestamp }) => [value, timestamp]);
    assert.deepEqual(outs, [
      ['1 of x', 50],
      // The item's change is older than the row that it replaces.
      ['1 of y', 50],
    ]);
    await driver.close();
  });

  it('passes over changes of a versioned table’s past', async () => {
    const driver = await open('inner', true);
    await driver.pipe(items, ['a', 'x', 50]);
    await driver.pipe(orders, ['1', { item: 'a', n: 1 }, 50]);
    await driver.settle();
    await driver.pipe(items, ['a', 'y', 40]);
    await driver.pipe(orders, ['1', { item: 'a', n: 2 }, 40]);
    await driver.settle();
    assert.deepEqual(await lastPerKey(driver), new Map([['1', '1 of x']]));
    await driver.close();
  });

  it('writes what travels between its sides so that it can be read', () => {
    const key = fc.string();
    const answers = answerSerde(json<string>());
    fc.assert(
      fc.property(
        key,
        fc.option(key),
        fc.constantFrom('begin', 'replace', 'end', 'close'),
        (text, right, kind) => {
          const [wellFormed, row] = [text.toWellFormed(), right?.toWellFormed() ?? null];
          const answer = { foreignKey: wellFormed, right: row };
          assert.deepEqual(answers.decode(answers.encode(answer)), answer);
          const last = { foreignKey: wellFormed, right: null, isLast: true } as const;
          assert.deepEqual(answers.decode(answers.encode(last)), last);
          const subscription = { kind, left: wellFormed } as const;
          assert.deepEqual(subscriptionSerde.decode(subscriptionSerde.encode(subscription)), subscription);
        },
      ),
    );
  });
});

const sorted = (rows: Map<string, string>) => [...rows].sort(([a], [b]) => (a < b ? -1 : 1));

it('a row whose foreign key can’t be told, or that can’t be joined, is put aside once, and joined with nothing', async () => {
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([orders, items, output]);
    const builder = new TopologyBuilder({ name: 'shop', generation: 1 });
    const itemOf = ({ item }: Order) => {
      if (item === 'refused') throw new Error('no such item');
      return item;
    };
    const join = ({ n }: Order, item: string | null) => {
      if (n < 0) throw new Error('negative');
      return `${n} of ${item}`;
    };
    const [left, right] = [builder.table(orders), builder.table(items)];
    left.leftJoinForeignKey('named', right, itemOf, join, { value: json<string>() }).toStream().to(output);
    return builder.build();
  });
  let now = 1;
  const pipe = async (key: string, order: Order) => {
    await driver.pipe(orders, [key, order, now++]);
    await driver.settle();
  };
  await driver.pipe(items, ['a', 'x', now++]);
  await pipe('1', { item: 'a', n: 1 });
  await pipe('2', { item: null, n: -1 });
  await pipe('1', { item: 'refused', n: 2 });
  await driver.pipe(items, ['a', 'y', now++]);
  await driver.settle();
  await pipe('1', { item: 'a', n: 3 });
  const letters = (await driver.readDeadLetters()).map(({ value }) => [
    value?.key?.toString(),
    value?.message,
  ]);
  assert.deepEqual(letters, [
    ['2', 'negative'],
    ['1', 'no such item'],
  ]);
  const found = (await driver.read(output)).map(({ key, value }) => [key, value]);
  assert.deepEqual(found, [
    ['1', '1 of x'],
    ['1', null],
    ['1', '3 of y'],
  ]);
  const digests = driver.digests();
  await driver.restart({ keepStores: false });
  assert.deepEqual(driver.digests(), digests);
  await driver.close();
});
