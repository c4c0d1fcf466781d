import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  defineProcessor,
  port,
  sessionRow,
  sessionStore,
  sessionStoreSpec,
  sessionsOf,
  windowRow,
  windowStore,
  windowStoreSpec,
  windowsOf,
} from '#engine';
import { json } from '#engine/testing';
import { begin, type Purchase, purchases, read, run, texts, totals, type View, views } from './setting.ts';

it('a processor with a store and a timer', async (t) => {
  const builder = begin();
  // example: processor
  const sittings = defineProcessor({
    inputs: { views: port<string, View>() },
    outputs: { ended: port<string, number>() },
    stores: { seconds: { value: json<number>() } },
    process: {
      views: ({ key, value, timestamp }, { stores, setTimer }) => {
        stores.seconds.put(key, (stores.seconds.get(key) ?? 0) + value.seconds, timestamp);
        setTimer(key, timestamp + 1_000);
      },
    },
    onTimer: (key, dueMs, { stores, emit }) => {
      emit('ended', key, stores.seconds.get(key) ?? 0, dueMs);
      stores.seconds.delete(key, dueMs);
    },
  });
  builder.process('sittings', sittings, { views: builder.source(views) }).ended.to(totals);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(views, ['ann', { item: 'a', seconds: 3 }, 1], ['ann', { item: 'b', seconds: 4 }, 500]);
  await driver.pipe(views, ['bob', { item: 'a', seconds: 1 }, 1_500]);
  await driver.settle();
  assert.deepEqual(await read(driver, totals), [['ann', 7, 1_500]]);
});

it('reads that go beyond the record’s own key, declared', async (t) => {
  const builder = begin();
  // example: reads
  const popular = defineProcessor({
    inputs: { views: port<string, View>() },
    outputs: { firsts: port<string, string>() },
    stores: { seen: { value: json<boolean>() } },
    reads: {
      views: ({ key, value }) => ({ seen: [`${key}/${value.item}`, { prefix: `${key}/` }] }),
    },
    process: {
      views: ({ key, value, timestamp }, { stores, emit, drop }) => {
        const place = `${key}/${value.item}`;
        if (stores.seen.get(place) === true) return drop('seen-before');
        stores.seen.put(place, true, timestamp);
        emit('firsts', key, `item ${[...stores.seen.prefix(`${key}/`)].length}: ${value.item}`, timestamp);
      },
    },
  });
  builder.process('popular', popular, { views: builder.source(views) }).firsts.to(texts);
  // end
  const driver = await run(t, builder.build());
  const ann = (item: string, at: number) => ['ann', { item, seconds: 1 }, at] as const;
  await driver.pipe(views, ann('a', 1), ann('b', 2), ann('a', 3));
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [
    ['ann', 'item 1: a', 1],
    ['ann', 'item 2: b', 2],
  ]);
  const metrics = await driver.metrics.render();
  assert.match(metrics, /engine_dropped_records_total\{operator="popular",reason="seen-before"\} 1/);
  assert.doesNotMatch(metrics, /engine_undeclared_reads_total\{/);
});

it('an undeclared read is loaded when it is met, and counted', async (t) => {
  const builder = begin();
  const chain = defineProcessor({
    inputs: { views: port<string, View>() },
    outputs: { sums: port<string, number>() },
    stores: { sums: { value: json<number>() } },
    process: {
      views: ({ key, value, timestamp }, { stores, emit }) => {
        emit('sums', 'attempt', 0, timestamp);
        const sum = (stores.sums.get(value.item) ?? 0) + value.seconds;
        stores.sums.put(value.item, sum, timestamp);
        emit('sums', key, sum + [...stores.sums.prefix('')].length, timestamp);
      },
    },
  });
  builder.process('chain', chain, { views: builder.source(views) }).sums.to(totals);
  const driver = await run(t, builder.build());
  const input = [
    ['ann', { item: 'a', seconds: 5 }, 1],
    ['bob', { item: 'b', seconds: 7 }, 2],
    ['ann', { item: 'a', seconds: 5 }, 3],
  ] as const;
  await driver.pipe(views, ...input);
  await driver.settle();
  const results = (await read(driver, totals)).map(([key, value]) => [key, value]);
  assert.deepEqual(results, [
    ['attempt', 0],
    ['ann', 6],
    ['attempt', 0],
    ['bob', 9],
    ['attempt', 0],
    ['ann', 12],
  ]);
  assert.match(
    await driver.metrics.render(),
    /undeclared_reads_total\{operator="chain",store="chain\/sums"\} 3/,
  );
});

it('a timer by the wall clock, in a processor that depends on arrival', async (t) => {
  const builder = begin();
  // example: wall-timer
  const reminders = defineProcessor({
    inputs: { views: port<string, View>() },
    outputs: { due: port<string, string>() },
    stores: {},
    dependsOnArrival: true,
    process: {
      views: ({ key }, { wallNow, setWallTimer }) => setWallTimer(key, wallNow + 60_000),
    },
    onWallTimer: (key, dueMs, { emit }) => emit('due', key, 'come back', dueMs),
  });
  builder.process('reminders', reminders, { views: builder.source(views) }).due.to(texts);
  // end
  const driver = await run(t, builder.build(), { wallClockMs: 1_000 });
  await driver.pipe(views, ['ann', { item: 'a', seconds: 1 }, 5]);
  await driver.settle();
  await driver.restart({ keepStores: false });
  driver.advanceWallClock(59_999);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), []);
  driver.advanceWallClock(1);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['ann', 'come back', 61_000]]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), []);
});

it('several inputs, stores and outputs', async (t) => {
  const builder = begin();
  // example: baskets
  const baskets = defineProcessor({
    inputs: { views: port<string, View>(), purchases: port<string, Purchase>() },
    outputs: { bought: port<string, string>(), left: port<string, number>() },
    stores: {
      open: { value: json<readonly string[]>() },
      spent: { value: json<number>() },
    },
    process: {
      views: ({ key, value, timestamp }, { stores, setTimer }) => {
        stores.open.put(key, [...(stores.open.get(key) ?? []), value.item], timestamp);
        setTimer(key, timestamp + 30 * 60_000);
      },
      purchases: ({ key, value, timestamp }, { stores, emit, clearTimer }) => {
        const seen = stores.open.get(key) ?? [];
        const spent = (stores.spent.get(key) ?? 0) + value.price;
        stores.spent.put(key, spent, timestamp);
        emit('bought', key, `${value.item} of ${seen.length} seen, ${spent} in all`, timestamp);
        stores.open.delete(key, timestamp);
        clearTimer(key);
      },
    },
    onTimer: (key, dueMs, { stores, emit }) => {
      emit('left', key, (stores.open.get(key) ?? []).length, dueMs);
      stores.open.delete(key, dueMs);
    },
  });
  const { bought, left } = builder.process('baskets', baskets, {
    views: builder.source(views),
    purchases: builder.source(purchases),
  });
  bought.to(texts);
  left.to(totals);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(views, ['ann', { item: 'a', seconds: 3 }, 1], ['bob', { item: 'b', seconds: 4 }, 2]);
  await driver.pipe(purchases, ['ann', { item: 'a', price: 5 }, 3]);
  await driver.announce(views, 3_600_000);
  await driver.announce(purchases, 3_600_000);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['ann', 'a of 1 seen, 5 in all', 3]]);
  assert.deepEqual(await read(driver, totals), [['bob', 1, 2 + 30 * 60_000]]);
  assert.deepEqual(await driver.store('baskets/spent'), new Map([['ann', 5]]));
});

it('rows that go with time', async (t) => {
  const builder = begin();
  // example: ttl
  const once = defineProcessor({
    inputs: { views: port<string, View>() },
    outputs: { firsts: port<string, string>() },
    stores: { seen: { value: json<boolean>(), ttlMs: 24 * 3_600_000 } },
    reads: { views: ({ key, value }) => ({ seen: [`${key}/${value.item}`] }) },
    process: {
      views: ({ key, value, timestamp }, { stores, emit, drop }) => {
        const place = `${key}/${value.item}`;
        if (stores.seen.get(place) === true) return drop('duplicate');
        stores.seen.put(place, true, timestamp);
        emit('firsts', key, value.item, timestamp);
      },
    },
  });
  builder.process('once', once, { views: builder.source(views) }).firsts.to(texts);
  // end
  const driver = await run(t, builder.build());
  const HOUR = 3_600_000;
  for (const hour of [1, 24, 25]) {
    await driver.pipe(views, ['ann', { item: 'a', seconds: 1 }, hour * HOUR]);
    await driver.settle();
  }
  await driver.announce(views, 26 * HOUR);
  await driver.pipe(views, ['ann', { item: 'a', seconds: 1 }, 26 * HOUR]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [
    ['ann', 'a', HOUR],
    ['ann', 'a', 26 * HOUR],
  ]);
});

it('a store of windows', async (t) => {
  const builder = begin();
  // example: window-store
  const HOUR = 3_600_000;
  const hourly = defineProcessor({
    inputs: { views: port<string, View>() },
    outputs: { recent: port<string, number>() },
    stores: { hours: windowStoreSpec(json<number>(), { ttlMs: 24 * HOUR }) },
    reads: {
      views: ({ key, timestamp }) => ({
        hours: [windowsOf(key), windowRow(key, Math.floor(timestamp / HOUR) * HOUR)],
      }),
    },
    process: {
      views: ({ key, value, timestamp }, { stores, emit }) => {
        const hours = windowStore(stores.hours);
        const hour = Math.floor(timestamp / HOUR) * HOUR;
        hours.put(key, hour, (hours.get(key, hour) ?? 0) + value.seconds, timestamp);
        let seconds = 0;
        for (const [, sum] of hours.fetch(key, hour - 2 * HOUR, hour)) seconds += sum;
        emit('recent', key, seconds, timestamp);
      },
    },
  });
  builder.process('hourly', hourly, { views: builder.source(views) }).recent.to(totals);
  // end
  const driver = await run(t, builder.build());
  for (const hour of [0, 1, 3]) {
    await driver.pipe(views, ['ann', { item: 'a', seconds: 10 + hour }, hour * HOUR]);
  }
  await driver.settle();
  assert.deepEqual(
    (await read(driver, totals)).map(([, seconds]) => seconds),
    [10, 21, 24],
  );
  assert.doesNotMatch(await driver.metrics.render(), /engine_undeclared_reads_total\{/);
});

it('a store of sessions', async (t) => {
  const builder = begin();
  // example: session-store
  const GAP = 60_000;
  const sittings = defineProcessor({
    inputs: { views: port<string, View>() },
    outputs: { sittings: port<string, string>() },
    stores: { sittings: sessionStoreSpec(json<number>(), { ttlMs: 24 * 3_600_000 }) },
    reads: { views: ({ key }) => ({ sittings: [sessionsOf(key)] }) },
    process: {
      views: ({ key, value, timestamp }, { stores, emit }) => {
        const sittings = sessionStore(stores.sittings);
        let sitting = { startMs: timestamp, endMs: timestamp };
        let seconds = value.seconds;
        for (const [near, sum] of sittings.find(key, timestamp - GAP, timestamp + GAP)) {
          sittings.delete(key, near, timestamp);
          sitting = {
            startMs: Math.min(sitting.startMs, near.startMs),
            endMs: Math.max(sitting.endMs, near.endMs),
          };
          seconds += sum;
        }
        sittings.put(key, sitting, seconds, timestamp);
        emit('sittings', key, `${sessionRow('', sitting).trim()} ${seconds} s`, timestamp);
      },
    },
  });
  // end
  builder.process('sittings', sittings, { views: builder.source(views) }).sittings.to(texts);
  const driver = await run(t, builder.build());
  for (const at of [0, 50_000, 200_000]) await driver.pipe(views, ['ann', { item: 'a', seconds: 5 }, at]);
  await driver.settle();
  assert.equal((await driver.store('sittings/sittings')).size, 2);
});
