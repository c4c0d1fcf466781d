import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { textKey } from '../../serde.ts';
import { hopping, session, sliding, tumbling, type Window } from '../../topology/windows/window.ts';
import { type Windowed, windowedKey } from '../../topology/windows/windowed-key.ts';
import { json, jsonTopic } from '../json-topic.ts';
import { open, rowsOf } from './rows-of.ts';

const input = jsonTopic<number | null>('input');
const texts = jsonTopic<string | null>('texts');
const windowed = { ...jsonTopic<string | null>('windowed'), key: windowedKey(textKey) };
const topics = [input, texts, windowed] as never;

/** 0 removes the row. */
const listing = {
  initial: () => '',
  add: (list: string, { value }: { value: number }) => (value === 0 ? null : `${list}${value}`),
  merge: (earlier: string, later: string) => earlier + later,
  value: json<string>(),
};

describe('an aggregate that returns null removes the row, and begins again', () => {
  it('of a key', async (t) => {
    const driver = await open(t, topics, (builder) => {
      builder
        .source(input as typeof input & { value: never })
        .aggregate('listed', listing as never)
        .to(texts as never);
    });
    await driver.pipe(input, ['a', 0, 1], ['a', 1, 9], ['a', 0, 3], ['a', 0, 4], ['a', 2, 5]);
    await driver.settle();
    assert.deepEqual(await rowsOf(driver, texts), [
      ['a', '1', 9],
      ['a', null, 9],
      ['a', '2', 5],
    ]);
    assert.deepEqual(await driver.store('listed/state'), new Map([['a', '2']]));
  });

  it('of a group', async (t) => {
    const driver = await open(t, topics, (builder) => {
      builder
        .source(input)
        .toTable(json<number>())
        .groupBy('all', () => 'all')
        .aggregate('sum', {
          initial: () => 0,
          add: (sum, n) => sum + n,
          subtract: (sum, n) => (sum === n ? null : sum - n),
          value: json<number>(),
        })
        .map((sum) => `${sum}`, json<string>())
        .to(texts as never);
    });
    await driver.pipe(input, ['a', 1, 1], ['a', 2, 8], ['a', 3, 3]);
    await driver.settle();
    assert.deepEqual(await rowsOf(driver, texts), [
      ['all', '1', 1],
      ['all', '2', 8],
      ['all', '3', 8],
    ]);
  });

  const windows: Readonly<Record<string, readonly [Window, startMs: number, endMs: number]>> = {
    tumbling: [tumbling({ sizeMs: 10, graceMs: 20 }), 20, 30],
    hopping: [hopping({ sizeMs: 10, advanceMs: 10, graceMs: 20 }), 20, 30],
    session: [session({ gapMs: 5, graceMs: 20 }), 21, 21],
    sliding: [sliding({ timeDifferenceMs: 10, graceMs: 20 }), 11, 21],
  };
  for (const [name, [window, startMs, endMs]] of Object.entries(windows)) {
    const key: Windowed<string> = { key: 'a', startMs, endMs };
    for (const emit of ['every-update', 'on-close', 'per-commit'] as const) {
      it(`of a window: ${name}, ${emit}`, async (t) => {
        const driver = await open(t, topics, (builder) => {
          const table = builder.source(input).windowed(window as never) as never as {
            aggregate(name: string, options: object): { to(topic: unknown): void };
          };
          table.aggregate('listed', { ...listing, emit }).to(windowed);
        });
        for (const n of [0, 1, 0, 0, 2, 3]) {
          await driver.pipe(input, ['a', n, 21]);
          await driver.settle();
        }
        await driver.announce(input, 1_000);
        await driver.settle();
        const all = [
          [key, '1', 21],
          [key, null, 21],
          [key, '2', 21],
          [key, '23', 21],
        ];
        assert.deepEqual(await rowsOf(driver, windowed), emit === 'on-close' ? all.slice(-1) : all);
        assert.deepEqual(await driver.readDeadLetters(), []);
        assert.equal((await driver.store('listed/windows')).size, 0);
      });
    }
  }

  it('of a window that is suppressed until it closes', async (t) => {
    const driver = await open(t, topics, (builder) => {
      builder
        .source(input)
        .windowed(tumbling({ sizeMs: 10, graceMs: 0 }))
        .aggregate('listed', listing as never)
        .suppress('held', { until: 'window-close' })
        .to(windowed as never);
    });
    await driver.pipe(input, ['a', 1, 1], ['a', 0, 2], ['b', 1, 3], ['b', 0, 4], ['b', 2, 5]);
    await driver.announce(input, 100);
    await driver.settle();
    assert.deepEqual(await rowsOf(driver, windowed), [[{ key: 'b', startMs: 0, endMs: 10 }, '2', 5]]);
  });

  it('of sessions that it connects', async (t) => {
    const driver = await open(t, topics, (builder) => {
      builder
        .source(input)
        .windowed(session({ gapMs: 5, graceMs: 20 }))
        .aggregate('listed', listing as never)
        .to(windowed as never);
    });
    await driver.pipe(input, ['a', 1, 1], ['a', 2, 9], ['a', 0, 5], ['a', 3, 8]);
    await driver.settle();
    const at = (startMs: number, endMs: number) => ({ key: 'a', startMs, endMs });
    assert.deepEqual(await rowsOf(driver, windowed), [
      [at(1, 1), '1', 1],
      [at(9, 9), '2', 9],
      [at(1, 1), null, 1],
      [at(9, 9), null, 9],
      [at(8, 8), '3', 8],
    ]);
  });
});

it('a session begins with the initial state, and merges each that it joins into it', async (t) => {
  const driver = await open(t, topics, (builder) => {
    builder
      .source(input)
      .windowed(session({ gapMs: 5, graceMs: 20 }))
      .aggregate('listed', {
        ...(listing as object),
        initial: () => 'i',
        merge: (earlier: string, later: string) => `(${earlier}+${later})`,
      } as never)
      .to(windowed as never);
  });
  await driver.pipe(input, ['a', 1, 1], ['a', 2, 9], ['a', 3, 5]);
  await driver.settle();
  assert.deepEqual(
    (await rowsOf(driver, windowed)).map(([, state]) => state),
    ['i1', 'i2', null, null, '((i+i1)+i2)3'],
  );
});

describe('a record without a value is handed to no aggregate, and counted', () => {
  const value = json<number>();
  const window: Window = tumbling({ sizeMs: 10, graceMs: 0 });
  const kinds: Readonly<Record<string, Window | undefined>> = {
    'of a key': undefined,
    tumbling: window,
    sliding: sliding({ timeDifferenceMs: 10, graceMs: 0 }),
    session: session({ gapMs: 10, graceMs: 0 }),
  };
  for (const [name, of] of Object.entries(kinds)) {
    it(name, async (t) => {
      const driver = await open(t, topics, (builder) => {
        const records = builder.source(input, { nullValues: 'keep' });
        if (of !== undefined) {
          const counts = records.windowed(of).count('counted', { value }).toStream();
          return counts.map((n) => `${n}`).to(windowed as never);
        }
        records
          .count('counted', { value })
          .toStream()
          .map((n) => `${n}`)
          .to(texts as never);
        records
          .reduce('reduced', (a, b) => a + b, { value })
          .toStream()
          .map((n) => `sum ${n}`)
          .to(texts as never);
      });
      await driver.pipe(input, ['a', 1, 20], ['a', null, 20], ['a', 1, 20]);
      await driver.settle();
      const found = of === undefined ? await rowsOf(driver, texts) : await rowsOf(driver, windowed);
      const values = found.map(([, text]) => text);
      assert.deepEqual(values, of === undefined ? ['1', '2', 'sum 1', 'sum 2'] : ['1', '2']);
      assert.match(
        await driver.metrics.render(),
        /dropped_records_total\{operator="counted",reason="null-value"\} 1\n/,
      );
      assert.deepEqual(await driver.readDeadLetters(), []);
    });
  }
});
