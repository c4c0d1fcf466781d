import assert from 'node:assert/strict';
import { it } from 'node:test';
import { tumbling } from '#engine';
import { json } from '#engine/testing';
import { begin, purchases, read, readWindows, run, texts, views, windowed } from './setting.ts';

const view = { item: 'a', seconds: 1 };

it('producers out of order, and clocks that are wrong', async (t) => {
  const builder = begin();
  // example: watermark
  const source = builder.source(views, {
    watermark: { outOfOrderMs: 5_000, futureMs: 60_000 },
  });
  // end
  source
    .windowed(tumbling({ sizeMs: 10_000, graceMs: 0 }))
    .count('counts', { value: json<number>(), emit: 'on-close' })
    .to(windowed);
  const driver = await run(t, builder.build(), { wallClockMs: 20_000 });
  await driver.pipe(views, ['ann', view, 1_000], ['ann', view, 14_999], ['ann', view, 9_999]);
  await driver.pipe(views, ['ann', view, 80_001], ['ann', view, 15_000]);
  await driver.settle();
  assert.deepEqual(await readWindows(driver), [['ann', 0, 10_000, 2]]);
  const [letter] = await driver.readDeadLetters();
  assert.equal(letter?.value?.reason, 'MR_RECORD_FROM_FUTURE');
});

it('inputs of a task are merged by timestamp', async (t) => {
  const builder = begin();
  // example: merge-by-time
  const seen = builder.source(views).map(({ item }) => `saw ${item}`);
  const bought = builder.source(purchases).map(({ item }) => `bought ${item}`);
  seen.merge(bought).to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(views, ['ann', { item: 'a', seconds: 1 }, 10], ['ann', { item: 'c', seconds: 1 }, 30]);
  await driver.pipe(purchases, ['ann', { item: 'b', price: 1 }, 20]);
  await driver.settle();
  assert.deepEqual(
    (await read(driver, texts)).map(([, text]) => text),
    ['saw a', 'bought b', 'saw c'],
  );
});

it('a repartition topic that waits for the watermark', async (t) => {
  const builder = begin();
  // example: at-watermark
  const timesSeen = builder
    .source(views)
    .keyBy('views-by-item', ({ item }) => item, { value: views.value })
    .count('times-seen', { value: json<number>() })
    .versioned({ historyMs: 3_600_000 });
  builder
    .source(purchases)
    .keyBy('purchases-by-item', ({ item }) => item, { value: purchases.value, release: 'at-watermark' })
    .join('seen-before', timesSeen, (_, seen) => `bought after ${seen ?? 0} views`)
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await driver.pipe(purchases, ['bob', { item: 'a', price: 1 }, 100]);
  await driver.settle();
  await driver.pipe(views, ['ann', view, 50], ['ann', view, 99]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), []);
  await driver.pipe(views, ['bob', view, 150]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['a', 'bought after 2 views', 100]]);
});

it('an announcement moves event time where no record does', async (t) => {
  const builder = begin();
  builder
    .source(views)
    .windowed(tumbling({ sizeMs: 10_000, graceMs: 0 }))
    .count('counts', { value: json<number>(), emit: 'on-close' })
    .to(windowed);
  const driver = await run(t, builder.build());
  // example: announce
  await driver.pipe(views, ['ann', view, 1_000]);
  await driver.announce(views, 10_000);
  await driver.settle();
  assert.deepEqual(await readWindows(driver), [['ann', 0, 10_000, 1]]);
  // end
});
