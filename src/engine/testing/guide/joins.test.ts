import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { TopologyDriver } from '#engine/testing';
import { begin, items, purchases, read, run, texts, users, views } from './setting.ts';

const S = 1_000;
const HOUR = 3_600 * S;
const view = (item: string) => ({ item, seconds: 1 });

async function announce(driver: TopologyDriver, ms: number): Promise<void> {
  await driver.announce(views, ms);
  await driver.announce(purchases, ms);
  await driver.settle();
}

it('a stream joined with a global table', async (t) => {
  const builder = begin();
  // example: global-table
  const catalogue = builder.globalTable(items);
  builder
    .source(purchases)
    .leftJoinGlobal(
      'with-title',
      catalogue,
      ({ value }) => value.item,
      ({ price }, item) => `${item?.title ?? 'an unknown item'} for ${price}`,
    )
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(items, ['b', { title: 'Middlemarch', author: null }, 9]);
  await driver.pipe(purchases, ['ann', { item: 'b', price: 5 }, 1], ['ann', { item: 'c', price: 6 }, 2]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [
    ['ann', 'Middlemarch for 5', 1],
    ['ann', 'an unknown item for 6', 2],
  ]);
});

it('streams joined: inner', async (t) => {
  const builder = begin();
  // example: join-streams
  builder
    .source(purchases)
    .joinStream('seen-before', builder.source(views), {
      beforeMs: 3_600_000,
      afterMs: 0,
      graceMs: 60_000,
      value: purchases.value,
      other: views.value,
      join: (purchase, view) => `bought ${purchase.item} after ${view.item}`,
    })
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(views, ['ann', view('a'), 0], ['ann', view('b'), HOUR], ['bob', view('c'), HOUR]);
  await driver.pipe(purchases, ['ann', { item: 'b', price: 5 }, HOUR + 1]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['ann', 'bought b after b', HOUR + 1]]);
});

it('streams joined: left', async (t) => {
  const builder = begin();
  // example: left-join-streams
  builder
    .source(purchases)
    .leftJoinStream('seen-before', builder.source(views), {
      beforeMs: 3_600_000,
      afterMs: 0,
      graceMs: 60_000,
      value: purchases.value,
      other: views.value,
      join: (purchase, view) => `bought ${purchase.item} ${view === null ? 'unseen' : `after ${view.item}`}`,
    })
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  // example: left-join-rows
  await driver.pipe(purchases, ['ann', { item: 'b', price: 5 }, 1_000]);
  await announce(driver, 61_000);
  assert.deepEqual(await read(driver, texts), []);
  await announce(driver, 61_001);
  assert.deepEqual(await read(driver, texts), [['ann', 'bought b unseen', 1_000]]);
  // end
});

it('streams joined: outer', async (t) => {
  const builder = begin();
  // example: outer-join-streams
  builder
    .source(views)
    .outerJoinStream('conversion', builder.source(purchases), {
      beforeMs: 0,
      afterMs: 3_600_000,
      graceMs: 0,
      value: views.value,
      other: purchases.value,
      join: (view, purchase) => `${view?.item ?? 'nothing'} seen, ${purchase?.item ?? 'nothing'} bought`,
    })
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(purchases, ['ann', { item: 'b', price: 5 }, 1]);
  await driver.pipe(views, ['ann', view('a'), 2]);
  await announce(driver, 2 * HOUR);
  assert.deepEqual(
    (await read(driver, texts)).map(([, text]) => text),
    ['nothing seen, b bought', 'a seen, nothing bought'],
  );
});

it('a stream joined with itself', async (t) => {
  const builder = begin();
  // example: self-join
  builder
    .source(views)
    .selfJoin('next-view', {
      beforeMs: 0,
      afterMs: 10_000,
      graceMs: 0,
      value: views.value,
      join: (view, next) => (view === next ? '' : `${view.item} then ${next.item}`),
    })
    .filter((text) => text !== '')
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(views, ['ann', view('a'), 0], ['ann', view('b'), 5 * S], ['ann', view('c'), 60 * S]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['ann', 'a then b', 5 * S]]);
});

it('a stream joined with a table', async (t) => {
  const builder = begin();
  // example: join-table
  const people = builder.table(users);
  const seen = builder.source(views);
  seen.join('with-name', people, ({ item }, user) => `${user?.name ?? 'someone'} saw ${item}`).to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(users, ['ann', { name: 'Ann', country: 'FR' }, 1]);
  await driver.pipe(views, ['ann', view('a'), 2], ['bob', view('a'), 3]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [
    ['ann', 'Ann saw a', 2],
    ['bob', 'someone saw a', 3],
  ]);
});

it('a stream joined with a table, inner', async (t) => {
  const builder = begin();
  const people = builder.table(users);
  const seen = builder.source(views);
  // example: inner-join-table
  seen.join('with-name', people, ({ item }, user) => user && `${user.name} saw ${item}`).to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(users, ['ann', { name: 'Ann', country: 'FR' }, 1]);
  await driver.pipe(views, ['ann', view('a'), 2], ['bob', view('a'), 3]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['ann', 'Ann saw a', 2]]);
});

it('a stream joined with a table as of its time', async (t) => {
  const builder = begin();
  // example: join-versioned
  const people = builder.table(users).versioned({ historyMs: 24 * 3_600_000 });
  builder
    .source(views)
    .join('with-name', people, ({ item }, user) => `${user?.name ?? 'someone'} saw ${item}`)
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  // example: join-versioned-rows
  await driver.pipe(users, ['ann', { name: 'Ann', country: 'FR' }, 100]);
  await driver.pipe(users, ['ann', { name: 'Ann Lee', country: 'FR' }, 900]);
  await driver.settle();
  await driver.pipe(views, ['ann', view('a'), 50], ['ann', view('b'), 500], ['ann', view('c'), 900]);
  await driver.settle();
  assert.deepEqual(
    (await read(driver, texts)).map(([, text]) => text),
    ['someone saw a', 'Ann saw b', 'Ann Lee saw c'],
  );
  // end
});

it('a stream that waits for a table', async (t) => {
  const builder = begin();
  const people = builder.table(users).versioned({ historyMs: 24 * HOUR });
  // example: join-grace
  builder
    .source(views)
    .join('with-name', people, ({ item }, user) => `${user?.name ?? 'someone'} saw ${item}`, {
      graceMs: 5_000,
      value: views.value,
    })
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(views, ['ann', view('a'), 1_000]);
  await driver.settle();
  await driver.pipe(users, ['ann', { name: 'Ann', country: 'FR' }, 900]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), []);
  await driver.announce(views, 6_000);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['ann', 'Ann saw a', 1_000]]);
});
