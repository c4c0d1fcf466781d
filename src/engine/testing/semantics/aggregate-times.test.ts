import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Topic } from '../../serde.ts';
import { json, jsonTopic } from '../json-topic.ts';
import { open, rowsOf } from './rows-of.ts';

const input = jsonTopic<number>('input');
const probes = jsonTopic<string>('probes');
const counts = jsonTopic<number>('counts');
const texts = jsonTopic<string>('texts');
const value = json<number>();
const topics = [input, probes, counts, texts] as never;

describe('the timestamp of a state is the newest of the records in it', () => {
  for (const cache of [{ cacheEntries: 1_000 }, { cacheEntries: 0, batchRecords: 1 }]) {
    it(`of a count, over restarts, with ${cache.cacheEntries} rows in memory`, async (t) => {
      const driver = await open(
        t,
        topics,
        (builder) => {
          builder.source(input).count('counted', { value }).to(counts);
        },
        cache,
      );
      await driver.pipe(input, ['a', 1, 10], ['b', 1, 3], ['a', 1, 5]);
      await driver.settle();
      const outs = [
        ['a', 1, 10],
        ['b', 1, 3],
        ['a', 2, 10],
      ];
      assert.deepEqual(await rowsOf(driver, counts), outs);
      for (const [i, keepStores] of [true, false].entries()) {
        const digests = driver.digests();
        await driver.restart({ keepStores });
        assert.deepEqual(driver.digests(), digests);
        await driver.pipe(input, ['a', 1, 7 + i]);
        await driver.settle();
        assert.deepEqual(await rowsOf(driver, counts), [['a', 3 + i, 10]]);
      }
      assert.deepEqual(
        await driver.store('counted/state'),
        new Map([
          ['a', 4],
          ['b', 1],
        ]),
      );
    });
  }

  it('of a reduction whose state a topic carries', async (t) => {
    const rows: Topic<string, number> = {
      ...jsonTopic<number>('rows'),
      cleanup: { policy: 'compact', tombstoneRetentionMs: 1_000 },
    };
    const driver = await open(t, [...(topics as []), rows] as never, (builder) => {
      const sum = { initial: () => 0, add: (sum: number, { value }: { value: number }) => sum + value };
      builder
        .source(input)
        .aggregate('summed', { ...sum, value, changelog: rows })
        .to(counts);
    });
    await driver.pipe(input, ['a', 1, 10]);
    await driver.settle();
    await driver.restart({ keepStores: false });
    await driver.pipe(input, ['a', 2, 5]);
    await driver.settle();
    assert.deepEqual(await rowsOf(driver, counts), [
      ['a', 1, 10],
      ['a', 3, 10],
    ]);
    assert.deepEqual(await rowsOf(driver, rows), [
      ['a', 1, 10],
      ['a', 3, 10],
    ]);
  });

  it('so that a versioned count as of a later time is whole, and a join of tables goes on', async (t) => {
    const driver = await open(t, topics, (builder) => {
      const counted = builder.source(input).count('counted', { value }).versioned({ historyMs: 1_000 });
      builder
        .source(probes)
        .join('as-of', counted, (_, count) => `${count}`)
        .to(texts);
      counted.join('joined', counted, (count) => count, { value }).to(counts);
    });
    await driver.pipe(input, ['a', 1, 10]);
    await driver.settle();
    await driver.pipe(input, ['a', 1, 5]);
    await driver.settle();
    await driver.pipe(probes, ['a', '', 20]);
    await driver.settle();
    assert.deepEqual(await rowsOf(driver, texts), [['a', '2', 20]]);
    assert.deepEqual((await rowsOf(driver, counts)).at(-1), ['a', 2, 10]);
  });

  it('of a group', async (t) => {
    const driver = await open(t, topics, (builder) => {
      builder
        .source(input)
        .toTable(value)
        .groupBy('by-sign', (n): string => (n < 0 ? 'less' : 'more'))
        .count('of-sign', { value })
        .to(counts);
    });
    await driver.pipe(input, ['a', 1, 10], ['b', 1, 5]);
    await driver.settle();
    assert.deepEqual(await rowsOf(driver, counts), [
      ['more', 1, 10],
      ['more', 2, 10],
    ]);
  });
});

it('a group of a versioned table takes no change of the past', async (t) => {
  const driver = await open(t, topics, (builder) => {
    builder
      .source(input, { nullValues: 'keep' })
      .toTable(value)
      .versioned({ historyMs: 1_000 })
      .groupBy('all', () => 'all')
      .count('of-all', { value })
      .to(counts);
  });
  for (const [n, at] of [[1, 10] as const, [null, 15] as const, [1, 12] as const]) {
    await driver.pipe(input, ['a', n, at]);
    await driver.settle();
  }
  assert.deepEqual(await rowsOf(driver, counts), [
    ['all', 1, 10],
    ['all', 0, 15],
  ]);
  assert.deepEqual(await driver.store('all-rows/rows'), new Map());
  assert.match(await driver.metrics.render(), /dropped_records_total\{.*reason="out-of-order"\} 1\n/);
});
