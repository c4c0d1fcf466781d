import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { textKey } from '../../serde.ts';
import type { Stream } from '../../topology/stream.ts';
import type { Table } from '../../topology/table.ts';
import { session, tumbling, type Window } from '../../topology/windows/window.ts';
import { type Windowed, windowedKey } from '../../topology/windows/windowed-key.ts';
import type { TopologyDriver } from '../driver.ts';
import { json, jsonTopic } from '../json-topic.ts';
import { open, rowsOf } from './rows-of.ts';

const input = jsonTopic<string>('input');
const names = jsonTopic<string>('names');
const sums = jsonTopic<number>('sums');
const windowed = { ...jsonTopic<string>('windowed'), key: windowedKey(textKey) };
const value = json<number>();
const text = json<string>();
const topics = [input, names, sums, windowed] as never;
const WINDOWS = 600;
const SIZE_MS = 10;

const summing = {
  initial: () => 0,
  add: (sum: number, n: number) => sum + n,
  subtract: (sum: number, n: number) => sum - n,
  value,
};

type Counts = Table<Windowed<string>, number>;
type Emit = 'every-update' | 'on-close';

const counted = (records: Stream<string, string>, name: string, emit: Emit, window: Window): Counts =>
  records.windowed(window as never).count(name, { value, emit } as never) as never;

/** Two records in each window, and time beyond the last one. */
async function fill(driver: TopologyDriver): Promise<void> {
  const records = Array.from({ length: WINDOWS }, (_, i) => {
    const at = i * 3 * SIZE_MS;
    return [['a', 'x', at] as const, ['a', 'x', at + 1] as const];
  });
  for (let from = 0; from < WINDOWS; from += 200) {
    await driver.pipe(input, ...records.slice(from, from + 200).flat());
    await driver.settle();
  }
  await driver.advanceEventTime(WINDOWS * 3 * SIZE_MS + 1_000);
  await driver.settle();
}

async function assertFew(driver: TopologyDriver, except: readonly string[] = []): Promise<void> {
  for (const name of new Set([...driver.digests().keys()].map((store) => store.split(':')[1] ?? ''))) {
    const { size } = await driver.store(name);
    if (!except.includes(name)) assert.ok(size <= 3, `${name} has ${size} rows`);
  }
  assert.deepEqual(await driver.readDeadLetters(), []);
  const digests = driver.digests();
  await driver.restart({ keepStores: false });
  assert.deepEqual(driver.digests(), digests);
}

const tens = tumbling({ sizeMs: SIZE_MS, graceMs: 5 });
const sessions = session({ gapMs: 5, graceMs: 5 });

describe('rows whose windows have closed are forgotten by the operators that keep copies of them', () => {
  for (const emit of ['every-update', 'on-close'] as const) {
    for (const [kind, window] of Object.entries({ tumbling: tens, session: sessions })) {
      it(`in a group, which still counts them: ${kind}, ${emit}`, async (t) => {
        const driver = await open(t, topics, (builder) => {
          counted(builder.source(input), 'counted', emit, window)
            .groupBy('all', () => 'all')
            .aggregate('sum', summing)
            .to(sums);
        });
        await fill(driver);
        assert.equal((await rowsOf(driver, sums)).at(-1)?.[1], 2 * WINDOWS);
        await assertFew(driver);
      });
    }

    it(`in a join of tables, without a tombstone: ${emit}`, async (t) => {
      const driver = await open(t, topics, (builder) => {
        const records = builder.source(input);
        const [left, right] = [5, 25].map((graceMs, i) =>
          counted(records, `counted-${i}`, emit, tumbling({ sizeMs: SIZE_MS, graceMs })),
        ) as [Counts, Counts];
        left.join('joined', right, (a, b) => `${a}:${b}`, { value: text }).to(windowed);
      });
      await fill(driver);
      const rows = new Map((await rowsOf(driver, windowed)).map(([key, row]) => [key?.startMs, row]));
      assert.deepEqual([...new Set(rows.values())], ['2:2']);
      assert.equal(rows.size, WINDOWS);
      await assertFew(driver);
    });

    for (const type of ['inner', 'left'] as const) {
      it(`in a join by foreign key, once it is answered: ${type}, ${emit}`, async (t) => {
        const driver = await open(t, topics, (builder) => {
          const left = counted(builder.source(input), 'counted', emit, tens);
          const right = builder.source(names).toTable(text);
          // Every second window names a row that is there, every third none at all.
          const named = (_: number, { startMs }: Windowed<string>) =>
            startMs % 90 === 0 ? null : startMs % 60 === 0 ? 'there' : 'nowhere';
          const join = (n: number, name: string | null) => `${n} of ${name}`;
          const joined =
            type === 'inner'
              ? left.joinForeignKey('joined', right, named, join, { value: text })
              : left.leftJoinForeignKey('joined', right, named, join, { value: text });
          joined.to(windowed);
        });
        await driver.pipe(names, ['there', 'x', 1]);
        await driver.settle();
        await fill(driver);
        const rows = new Map((await rowsOf(driver, windowed)).map(([key, row]) => [key?.startMs, row]));
        const starts = Array.from({ length: WINDOWS }, (_, i) => i * 3 * SIZE_MS);
        const nameOf = (ms: number) => (ms % 90 !== 0 && ms % 60 === 0 ? 'x' : null);
        const expected = starts.filter((ms) => type === 'left' || nameOf(ms) !== null);
        const found = expected.map((ms) => rows.get(ms));
        assert.deepEqual(
          found,
          expected.map((ms) => `2 of ${nameOf(ms)}`),
        );
        await assertFew(driver);
        await driver.pipe(names, ['there', 'y', 1_000_000]);
        await driver.settle();
        assert.deepEqual(await rowsOf(driver, windowed), [], 'nobody is told any more');
      });
    }
  }

  for (const type of ['inner', 'left'] as const) {
    it(`in a group and a join of what a join by foreign key gives: ${type}`, async (t) => {
      const driver = await open(t, topics, (builder) => {
        const left = counted(builder.source(input), 'counted', 'every-update', tens);
        const right = builder.source(names).toTable(text);
        const named = () => 'there';
        const join = (n: number) => n;
        const joined =
          type === 'inner'
            ? left.joinForeignKey('joined', right, named, join, { value })
            : left.leftJoinForeignKey('joined', right, named, join, { value });
        joined
          .groupBy('all', () => 'all')
          .aggregate('sum', summing)
          .to(sums);
        joined.join('twice', left, (a, b) => `${a}:${b}`, { value: text }).to(windowed);
      });
      await driver.pipe(names, ['there', 'x', 1]);
      await driver.settle();
      await fill(driver);
      assert.equal((await rowsOf(driver, sums)).at(-1)?.[1], 2 * WINDOWS);
      const rows = new Map((await rowsOf(driver, windowed)).map(([key, row]) => [key?.startMs, row]));
      assert.deepEqual([...new Set(rows.values())], ['2:2']);
      assert.equal(rows.size, WINDOWS);
      await assertFew(driver);
    });
  }

  for (const [kind, history, join] of [
    ['at once', undefined, undefined],
    ['as of a time', { historyMs: 20 }, undefined],
    ['with a grace', { historyMs: 20 }, { graceMs: 5, value: text }],
  ] as const) {
    for (const [emit, retentionMs] of [
      ['every-update', 0],
      ['on-close', 0],
      ['on-close', 40],
    ] as const) {
      it(`in a join of a stream, one window later: ${kind}, ${emit}, kept for ${retentionMs} ms`, async (t) => {
        const probes = { ...windowed, name: 'probes' };
        const driver = await open(t, [...topics, probes] as never, (builder) => {
          const counts = builder
            .source(input)
            .windowed(tens)
            .count('counted', { value, emit, retentionMs } as never) as Counts;
          const table = history === undefined ? counts : counts.versioned(history);
          builder
            .source(probes)
            .join('joined', table, (probe, n) => (n === undefined ? n : `${probe}: ${n}`), join as never)
            .to(windowed);
        });
        // The window [0, 10) closes at 15, and goes 10 or 40 ms later.
        const row = { key: 'a', startMs: 0, endMs: 10 };
        const goesAt = 15 + Math.max(10, retentionMs);
        const both = async (ms: number) => {
          await driver.advanceEventTime(ms);
          await driver.settle();
          await driver.pipe(input, ['b', 'x', ms]);
          await driver.pipe(probes, [row, `at ${ms}`, ms]);
          await driver.advanceEventTime(ms + 6);
          await driver.settle();
        };
        await driver.pipe(input, ['a', 'x', 1], ['a', 'x', 2]);
        await driver.settle();
        for (const ms of [16, goesAt - 1, goesAt, goesAt + 100]) await both(ms);
        const found = (await rowsOf(driver, windowed)).map(([, text]) => text);
        assert.deepEqual(found, ['at 16: 2', `at ${goesAt - 1}: 2`]);
        await fill(driver);
        await assertFew(driver);
      });
    }
  }

  it('on the right of a join by foreign key', async (t) => {
    const rows = jsonTopic<string | null>('windowed');
    const driver = await open(t, topics, (builder) => {
      const right = counted(builder.source(input), 'counted', 'every-update', tens);
      builder
        .source(names)
        .toTable(text)
        .leftJoinForeignKey(
          'joined',
          right,
          (name) => name,
          (name, n) => `${name.length}: ${n}`,
          {
            value: text,
          },
        )
        .to(rows as never);
    });
    await driver.pipe(names, ['b', windowed.key.toText({ key: 'a', startMs: 30, endMs: 40 }), 1]);
    await driver.settle();
    await fill(driver);
    assert.deepEqual((await rowsOf(driver, rows)).at(-1)?.slice(0, 2), ['b', '34: 2']);
    await assertFew(driver);
  });

  it('behind a suppression for a time, when its last change is out', async (t) => {
    const driver = await open(t, topics, (builder) => {
      counted(builder.source(input), 'counted', 'every-update', tumbling({ sizeMs: SIZE_MS, graceMs: 12 }))
        .suppress('held', { forMs: 20 })
        .groupBy('all', () => 'all')
        .aggregate('sum', summing)
        .to(sums);
    });
    // The window [0, 10) closes at 22; its first change goes out at 20, the last one at 28 or later.
    const at = (ms: number) => ['a', 'x', ms] as const;
    for (const ms of [0, 20, 8, 21, 27, 100]) {
      await driver.pipe(input, at(ms));
      await driver.settle();
    }
    await driver.announce(input, 1_000);
    await driver.settle();
    assert.equal((await rowsOf(driver, sums)).at(-1)?.[1], 6);
    await assertFew(driver);
  });

  it('of a versioned table', async (t) => {
    const driver = await open(t, topics, (builder) => {
      counted(builder.source(input), 'counted', 'every-update', sessions)
        .versioned({ historyMs: 50 })
        .groupBy('all', () => 'all')
        .count('of-all', { value })
        .to(sums);
    });
    await fill(driver);
    assert.equal((await rowsOf(driver, sums)).at(-1)?.[1], WINDOWS);
    await assertFew(driver);
  });
});
