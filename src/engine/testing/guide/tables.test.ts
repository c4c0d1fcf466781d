import assert from 'node:assert/strict';
import { it } from 'node:test';
import { json, jsonTopic } from '#engine/testing';
import {
  begin,
  items,
  longViews,
  type Purchase,
  purchases,
  read,
  run,
  texts,
  totals,
  type User,
  users,
  views,
} from './setting.ts';

const user = (name: string, country: string): User => ({ name, country });

it('a table from a stream, filtered', async (t) => {
  const builder = begin();
  // example: to-table
  builder
    .source(views)
    .toTable(views.value)
    .filter(({ seconds }) => seconds >= 10)
    .to(longViews);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(views, ['ann', { item: 'a', seconds: 30 }, 1], ['ann', { item: 'b', seconds: 3 }, 2]);
  await driver.settle();
  assert.deepEqual(await read(driver, longViews), [
    ['ann', { item: 'a', seconds: 30 }, 1],
    ['ann', null, 2],
  ]);
});

it('tables joined by key', async (t) => {
  const builder = begin();
  // example: join-tables
  const people = builder.table(users);
  const last = builder.source(purchases).toTable(purchases.value);
  people
    .leftJoin('last-purchase', last, ({ name }, bought) => `${name}: ${bought?.item ?? 'nothing yet'}`, {
      value: json<string>(),
    })
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  // example: join-tables-rows
  await driver.pipe(users, ['ann', user('Ann', 'FR'), 1]);
  await driver.pipe(purchases, ['ann', { item: 'b', price: 5 }, 2]);
  await driver.pipe(users, ['ann', null, 3]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [
    ['ann', 'Ann: nothing yet', 1],
    ['ann', 'Ann: b', 2],
    ['ann', null, 3],
  ]);
  // end
});

it('tables joined by key, inner and outer', async (t) => {
  const builder = begin();
  const people = builder.table(users);
  const last = builder.source(purchases).toTable(purchases.value);
  const value = json<string>();
  // example: join-tables-outer
  people.join('inner', last, ({ name }, { item }) => `${name}: ${item}`, { value }).to(texts);
  people
    .outerJoin('outer', last, (person, bought) => `${person?.name}: ${bought?.item}`, { value })
    .to({ ...texts, name: 'long-views' });
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(purchases, ['ann', { item: 'b', price: 5 }, 1]);
  await driver.settle();
  await driver.pipe(users, ['ann', user('Ann', 'FR'), 2]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['ann', 'Ann: b', 2]]);
  assert.deepEqual(await read(driver, { ...texts, name: 'long-views' }), [
    ['ann', 'undefined: b', 1],
    ['ann', 'Ann: b', 2],
  ]);
});

it('tables joined by a foreign key', async (t) => {
  const builder = begin();
  // example: foreign-key
  builder
    .table(items)
    .joinForeignKey(
      'with-author',
      builder.table(users),
      ({ author }) => author,
      ({ title }, { name }) => `${title}, by ${name}`,
      { value: json<string>() },
    )
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  // example: foreign-key-rows
  await driver.pipe(users, ['ann', user('Ann', 'FR'), 1]);
  await driver.pipe(
    items,
    ['i1', { title: 'Fog', author: 'ann' }, 2],
    ['i2', { title: 'Dew', author: null }, 3],
  );
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['i1', 'Fog, by Ann', 2]]);
  await driver.pipe(users, ['ann', user('Ann Lee', 'FR'), 4]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['i1', 'Fog, by Ann Lee', 4]]);
  // end
});

it('a table in groups', async (t) => {
  const builder = begin();
  // example: group-table
  const byCountry = builder.table(users).groupBy('by-country', ({ country }) => country);
  byCountry.count('users-of-country', { value: json<number>() }).to(totals);
  // end
  const driver = await run(t, builder.build());
  // example: group-table-rows
  await driver.pipe(users, ['ann', user('Ann', 'FR'), 1], ['bob', user('Bob', 'FR'), 2]);
  await driver.pipe(users, ['bob', user('Bob', 'PE'), 3], ['ann', null, 4]);
  await driver.settle();
  assert.deepEqual(
    await driver.store('users-of-country/state'),
    new Map([
      ['FR', 0],
      ['PE', 1],
    ]),
  );
  // end
});

it('a table in groups, aggregated with subtract', async (t) => {
  type Account = { readonly country: string; readonly cents: number };
  const accounts = jsonTopic<Account>('purchases');
  const builder = begin();
  // example: group-aggregate
  builder
    .table(accounts)
    .groupBy('by-country', ({ country }) => country)
    .aggregate('balance-of-country', {
      initial: () => 0,
      add: (sum, { cents }) => sum + cents,
      subtract: (sum, { cents }) => sum - cents,
      value: json<number>(),
    })
    .to(totals);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(accounts, ['ann', { country: 'FR', cents: 500 }, 1]);
  await driver.pipe(accounts, ['ann', { country: 'FR', cents: 300 }, 2]);
  await driver.settle();
  assert.deepEqual(await read(driver, totals), [
    ['FR', 500, 1],
    ['FR', 300, 2],
  ]);
});

it('a table in groups, reduced', async (t) => {
  const builder = begin();
  const sum = (a: Purchase, b: Purchase) => ({ item: 'all', price: a.price + b.price });
  // example: group-reduce
  builder
    .source(purchases)
    .toTable(purchases.value)
    .groupBy('by-item', ({ item }) => item)
    .reduce(
      'worth',
      (worth, purchase) => sum(worth, purchase),
      (worth, { price }) => sum(worth, { item: '', price: -price }),
    )
    .map(({ price }) => price, json<number>())
    .to(totals);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(purchases, ['ann', { item: 'a', price: 5 }, 1], ['bob', { item: 'a', price: 7 }, 2]);
  await driver.pipe(purchases, ['ann', { item: 'b', price: 1 }, 3]);
  await driver.settle();
  assert.deepEqual(await read(driver, totals), [
    ['a', 5, 1],
    ['a', 12, 2],
    ['a', 7, 3],
    ['b', 1, 3],
  ]);
});
