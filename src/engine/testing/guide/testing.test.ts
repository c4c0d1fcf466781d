import assert from 'node:assert/strict';
import { it } from 'node:test';
import { json, simulate } from '#engine/testing';
import { begin, read, run, totals, views } from './setting.ts';

it('the driver', async (t) => {
  const builder = begin();
  builder.source(views).count('views-of-user', { value: json<number>() }).to(totals);
  const topology = builder.build();
  // example: driver
  const driver = await run(t, topology, { batchRecords: 1, wallClockMs: Date.UTC(2026, 0, 1) });
  await driver.pipe(views, ['ann', { item: 'a', seconds: 1 }, 1]);
  await driver.settle();
  await driver.restart({ keepStores: false });
  await driver.pipe(views, ['ann', { item: 'b', seconds: 1 }, 2]);
  await driver.settle();
  assert.deepEqual(await read(driver, totals), [
    ['ann', 1, 1],
    ['ann', 2, 2],
  ]);
  assert.deepEqual(await driver.readDeadLetters(), []);
  // end
});

it('the simulation', async () => {
  // example: simulate
  const run = await simulate(
    {
      name: 'views-of-user',
      inputs: [views],
      outputs: [{ topic: totals, comparison: 'sequence-per-key' }],
      declare: (builder) => {
        builder.source(views).count('views-of-user', { value: json<number>() }).to(totals);
      },
      generate: (random) =>
        Array.from({ length: 40 }, (_, i) => {
          const key = random.pick(['ann', 'bob']);
          return { topic: 'views', key, value: { item: 'a', seconds: 1 }, timestamp: i };
        }),
      finalWatermarkMs: null,
    },
    7,
  );
  assert.equal(run.failure, undefined);
  // end
});
