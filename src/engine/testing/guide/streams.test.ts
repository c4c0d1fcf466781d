import assert from 'node:assert/strict';
import { it } from 'node:test';
import { json } from '#engine/testing';
import { begin, longViews, purchases, read, run, texts, totals, views } from './setting.ts';

it('map, filter and flatMap', async (t) => {
  const builder = begin();
  // example: map
  builder
    .source(views)
    .filter(({ seconds }) => seconds > 0)
    .flatMap(({ item, seconds }) => (seconds > 60 ? [item, `${item} at length`] : [item]))
    .map((item, { key }) => `${key} saw ${item}`)
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(views, ['ann', { item: 'a', seconds: 0 }, 1], ['ann', { item: 'b', seconds: 90 }, 2]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [
    ['ann', 'ann saw b', 2],
    ['ann', 'ann saw b at length', 2],
  ]);
});

it('branch and merge', async (t) => {
  const builder = begin();
  // example: branch
  const { short, long } = builder.source(views).branch({
    short: ({ seconds }) => seconds < 10,
    long: () => true,
  });
  short
    .map(({ item }) => `${item} was left`)
    .merge(long.map(({ item }) => `${item} was watched`))
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(views, ['ann', { item: 'a', seconds: 30 }, 1], ['ann', { item: 'b', seconds: 3 }, 2]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [
    ['ann', 'a was watched', 1],
    ['ann', 'b was left', 2],
  ]);
});

it('keyBy and count', async (t) => {
  const builder = begin();
  // example: key-by
  builder
    .source(views)
    .keyBy('by-item', ({ item }) => item, { value: views.value })
    .count('views-of-item', { value: json<number>() })
    .to(totals);
  // end
  const topology = builder.build();
  assert.deepEqual(
    topology.internalTopics.map(({ name }) => name),
    ['guide-1-by-item-repartition', 'guide-1-views-of-item-state-changelog'],
  );
  const driver = await run(t, topology);
  await driver.pipe(views, ['ann', { item: 'a', seconds: 1 }, 1], ['bob', { item: 'a', seconds: 1 }, 2]);
  await driver.settle();
  assert.deepEqual(await read(driver, totals), [
    ['a', 1, 1],
    ['a', 2, 2],
  ]);
});

it('through a topic', async (t) => {
  const builder = begin();
  // example: through
  builder
    .source(views)
    .filter(({ seconds }) => seconds >= 60)
    .through(longViews)
    .map(({ item }) => item)
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(views, ['ann', { item: 'a', seconds: 60 }, 1]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['ann', 'a', 1]]);
  assert.equal((await read(driver, longViews)).length, 1);
});

it('reduce, emitted per commit', async (t) => {
  const builder = begin();
  // example: reduce
  builder
    .source(views)
    .reduce('longest', (longest, view) => (view.seconds > longest.seconds ? view : longest), {
      value: views.value,
      emit: 'per-commit',
    })
    .map(({ item, seconds }) => `${item}: ${seconds} s`, json<string>())
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  const ann = (item: string, seconds: number, at: number) => ['ann', { item, seconds }, at] as const;
  await driver.pipe(views, ann('a', 5, 1), ann('b', 9, 2), ann('c', 7, 3));
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['ann', 'b: 9 s', 3]]);
  await driver.pipe(views, ann('d', 11, 4));
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['ann', 'd: 11 s', 4]]);
});

it('the timestamp of a row is the newest of its records', async (t) => {
  const builder = begin();
  // example: aggregate-times
  builder.source(views).count('views-of-user', { value: json<number>() }).to(totals);
  // end
  const driver = await run(t, builder.build());
  // example: aggregate-times-rows
  await driver.pipe(views, ['ann', { item: 'a', seconds: 1 }, 10], ['ann', { item: 'b', seconds: 1 }, 5]);
  await driver.settle();
  assert.deepEqual(await read(driver, totals), [
    ['ann', 1, 10],
    ['ann', 2, 10],
  ]);
  // end
});

it('several streams in one state', async (t) => {
  const builder = begin();
  // example: cogroup
  type Activity = { readonly seconds: number; readonly spent: number };
  const seen = builder.source(views).map(({ seconds }): Activity => ({ seconds, spent: 0 }));
  const bought = builder.source(purchases).map(({ price }): Activity => ({ seconds: 0, spent: price }));
  seen
    .merge(bought)
    .aggregate('activity', {
      initial: () => ({ seconds: 0, spent: 0 }),
      add: (sum, { value }) => ({ seconds: sum.seconds + value.seconds, spent: sum.spent + value.spent }),
      value: json<Activity>(),
    })
    .map(({ seconds, spent }) => `${seconds} s, ${spent} spent`, json<string>())
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(views, ['ann', { item: 'a', seconds: 30 }, 1]);
  await driver.pipe(purchases, ['ann', { item: 'a', price: 5 }, 2]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [
    ['ann', '30 s, 0 spent', 1],
    ['ann', '30 s, 5 spent', 2],
  ]);
});

it('records without a key, kept', async (t) => {
  const builder = begin();
  // example: null-keys
  builder
    .source(views, { nullKeys: 'keep' })
    .map(({ item }, { key }) => `${key ?? 'nobody'} saw ${item}`)
    .to({ ...texts, key: { toText: (key) => key ?? '', fromText: (text) => text } });
  // end
  const driver = await run(t, builder.build());
  const producer = await driver.log.producer();
  const value = Buffer.from('{"item":"a","seconds":1}');
  await producer.append('views', 0, [{ key: null, value, timestamp: 1 }]);
  await producer.close();
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['', 'nobody saw a', 1]]);
  assert.deepEqual(await driver.readDeadLetters(), []);
});

it('a record that a step throws at', async (t) => {
  const builder = begin();
  // example: dead-letters
  builder
    .source(views)
    .map(({ item, seconds }) => {
      if (seconds < 0) throw new Error('nobody watches backwards');
      return `${item}: ${seconds} s`;
    })
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  // example: dead-letters-read
  await driver.pipe(views, ['ann', { item: 'a', seconds: -5 }, 1], ['ann', { item: 'b', seconds: 9 }, 2]);
  await driver.settle();
  const [letter] = await driver.readDeadLetters();
  assert.equal(letter?.value?.reason, 'MR_PROCESSOR_THREW');
  assert.equal(letter?.value?.message, 'nobody watches backwards');
  assert.deepEqual([letter?.value?.topic, letter?.value?.offset], ['views', 0]);
  assert.deepEqual(await read(driver, texts), [['ann', 'b: 9 s', 2]]);
  // end
});
