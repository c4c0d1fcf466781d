import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hopping, session, sliding, tumbling } from '#engine';
import { json, type TopologyDriver } from '#engine/testing';
import { begin, lateViews, read, readWindows, run, texts, views, windowed } from './setting.ts';

const S = 1_000;

/** Views of Ann's at these seconds, each in a batch of its own. */
async function watch(driver: TopologyDriver, ...seconds: readonly number[]): Promise<void> {
  for (const at of seconds) {
    await driver.pipe(views, ['ann', { item: 'a', seconds: 1 }, at * S]);
    await driver.settle();
  }
}

const inSeconds = (rows: readonly (readonly [string, number, number, number | null])[]) =>
  rows.map(([key, startMs, endMs, value]) => [key, startMs / S, endMs / S, value]);

it('tumbling windows', async (t) => {
  const builder = begin();
  // example: tumbling
  builder
    .source(views)
    .windowed(tumbling({ sizeMs: 60_000, graceMs: 10_000 }))
    .count('views-a-minute', { value: json<number>() })
    .to(windowed);
  // end
  const driver = await run(t, builder.build());
  // example: tumbling-rows
  await watch(driver, 10, 50, 65, 55);
  assert.deepEqual(inSeconds(await readWindows(driver)), [
    ['ann', 0, 60, 1],
    ['ann', 0, 60, 2],
    ['ann', 60, 120, 1],
    ['ann', 0, 60, 3],
  ]);
  // end
  assert.deepEqual(await driver.readDeadLetters(), []);
});

it('hopping windows', async (t) => {
  const builder = begin();
  // example: hopping
  builder
    .source(views)
    .windowed(hopping({ sizeMs: 60_000, advanceMs: 30_000, graceMs: 0 }))
    .aggregate('seconds-watched', {
      initial: () => 0,
      add: (sum, { value }) => sum + value.seconds,
      value: json<number>(),
    })
    .to(windowed);
  // end
  const driver = await run(t, builder.build());
  await watch(driver, 40, 70);
  assert.deepEqual(inSeconds(await readWindows(driver)), [
    ['ann', 0, 60, 1],
    ['ann', 30, 90, 1],
    ['ann', 30, 90, 2],
    ['ann', 60, 120, 1],
  ]);
});

it('sliding windows', async (t) => {
  const builder = begin();
  // example: sliding
  builder
    .source(views)
    .windowed(sliding({ timeDifferenceMs: 10_000, graceMs: 5_000 }))
    .count('bursts', { value: json<number>(), emit: 'on-close' })
    .toStream()
    .filter((count) => count !== null && count >= 3)
    .map((count, { key }) => `${count} views from ${key.startMs} to ${key.endMs}`)
    .to({ ...texts, key: windowed.key });
  // end
  const driver = await run(t, builder.build());
  await watch(driver, 20, 23, 28, 40, 90);
  assert.deepEqual(
    (await read(driver, texts)).map(([, text]) => text),
    ['3 views from 18000 to 28000'],
  );
});

it('session windows', async (t) => {
  const builder = begin();
  // example: session
  builder
    .source(views)
    .windowed(session({ gapMs: 30 * 60_000, graceMs: 15 * 60_000 }))
    .aggregate('sittings', {
      initial: () => 0,
      add: (sum, { value }) => sum + value.seconds,
      merge: (earlier, later) => earlier + later,
      value: json<number>(),
    })
    .to(windowed);
  // end
  const driver = await run(t, builder.build());
  // example: session-rows
  const minutes = (...at: readonly number[]) => watch(driver, ...at.map((minute) => minute * 60));
  await minutes(0, 40, 20);
  const rows = (await readWindows(driver)).map(([, from, to, sum]) => [from / 60_000, to / 60_000, sum]);
  assert.deepEqual(rows, [
    [0, 0, 1],
    [40, 40, 1],
    // The third view connects the two: they go, and one comes.
    [0, 0, null],
    [40, 40, null],
    [0, 40, 3],
  ]);
  // end
});

it('late records, counted and routed', async (t) => {
  const builder = begin();
  // example: late
  builder
    .source(views)
    .windowed(tumbling({ sizeMs: 60_000, graceMs: 10_000 }))
    .count('views-a-minute', {
      value: json<number>(),
      late: (records) => records.to(lateViews),
    })
    .to(windowed);
  // end
  const driver = await run(t, builder.build());
  await watch(driver, 10, 80, 58);
  assert.equal((await readWindows(driver)).length, 2);
  assert.deepEqual(await read(driver, lateViews), [['ann', { item: 'a', seconds: 1 }, 58_000]]);
  assert.match(
    await driver.metrics.render(),
    /engine_dropped_records_total\{operator="views-a-minute",reason="late"\} 1/,
  );
});

it('results on close', async (t) => {
  const builder = begin();
  // example: on-close
  builder
    .source(views)
    .windowed(tumbling({ sizeMs: 60_000, graceMs: 10_000 }))
    .count('views-a-minute', { value: json<number>(), emit: 'on-close' })
    .to(windowed);
  // end
  const driver = await run(t, builder.build());
  // example: on-close-rows
  await watch(driver, 10, 50, 69);
  assert.deepEqual(await readWindows(driver), []);
  await watch(driver, 70);
  assert.deepEqual(inSeconds(await readWindows(driver)), [['ann', 0, 60, 2]]);
  // end
});

it('suppress until the window closes, and for a time', async (t) => {
  const builder = begin();
  // example: suppress
  const counts = builder
    .source(views)
    .windowed(tumbling({ sizeMs: 60_000, graceMs: 10_000 }))
    .count('views-a-minute', { value: json<number>() });
  counts.suppress('final-counts', { until: 'window-close' }).to(windowed);
  builder
    .source({ ...views, name: 'long-views' })
    .toTable(views.value)
    .suppress('calmer', { forMs: 30_000 })
    .map(({ item }) => item, json<string>())
    .to(texts);
  // end
  const driver = await run(t, builder.build());
  await watch(driver, 10, 50, 69);
  assert.deepEqual(await readWindows(driver), []);
  await watch(driver, 70);
  assert.deepEqual(inSeconds(await readWindows(driver)), [['ann', 0, 60, 2]]);
  const long = { ...views, name: 'long-views' };
  await driver.pipe(long, ['ann', { item: 'a', seconds: 1 }, 0], ['ann', { item: 'b', seconds: 1 }, 20 * S]);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), []);
  await driver.announce(long, 30 * S);
  await driver.settle();
  assert.deepEqual(await read(driver, texts), [['ann', 'b', 20 * S]]);
});
