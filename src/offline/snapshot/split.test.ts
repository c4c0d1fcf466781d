import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { perUserLastShare } from '#models';
import { temporaryDirectory } from '#platform/testing';
import { type AnalyticDatabase, withDuckDb } from '../duckdb.ts';
import { defaultSplit, type SplitOptions, splitExamples, splitProtocol } from './split.ts';

type Key = { readonly user: string; readonly item: string; readonly ts: number; readonly weight?: number };

/** `ITEM@TS part`, with a star for repeats, in order of time. */
async function splitOf(
  database: AnalyticDatabase,
  keys: readonly Key[],
  options: SplitOptions,
): Promise<string[]> {
  for (const table of ['keys', 'firsts', 'cuts', 'splits']) {
    await database.run(`DROP TABLE IF EXISTS ${table}`);
  }
  await database.run(
    'CREATE TABLE keys (row BIGINT, event_id VARCHAR, user_id VARCHAR, item_id VARCHAR, ts BIGINT, weight DOUBLE)',
  );
  const values = keys.map(
    ({ user, item, ts, weight = 1 }, row) => `(${row}, 'e${row}', '${user}', '${item}', ${ts}, ${weight})`,
  );
  await database.run(`INSERT INTO keys VALUES ${values.join(', ')}`);
  await splitExamples(database, options);
  const rows = await database.rows<{ row: number; split: string; is_repeat: boolean }>(
    'SELECT row::INTEGER AS row, split, is_repeat FROM splits ORDER BY row',
  );
  assert.equal(rows.length, keys.length, 'each example is in one part');
  return rows.map(({ row, split, is_repeat }) => {
    const key = keys[row] as Key;
    return `${key.item}@${key.ts} ${split}${is_repeat ? ' *' : ''}`;
  });
}

const one = (rows: readonly (readonly [item: string, ts: number, weight?: number])[]): Key[] =>
  rows.map(([item, ts, weight = 1]) => ({ user: 'u', item, ts, weight }));

test("a user's newest items are held out; repeats and impressions go to the part that they lie in", async (t) => {
  await withDuckDb(temporaryDirectory(t), async (database) => {
    const firsts = Array.from({ length: 10 }, (_, i) => [`i${i}`, 10 * i] as const);
    const more = [
      ['i0', 55],
      ['i1', 75],
      ['i1', 85],
      ['i5', 65, 0],
      ['i9', 86, 0],
    ] as const;
    assert.deepEqual(await splitOf(database, one([...firsts, ...more]), defaultSplit), [
      ...[0, 1, 2, 3, 4, 5, 6].map((i) => `i${i}@${10 * i} train`),
      'i7@70 validation',
      'i8@80 test',
      'i9@90 test',
      'i0@55 train *',
      'i1@75 validation *',
      'i1@85 test *',
      'i5@65 train *',
      'i9@86 test',
    ]);
    assert.deepEqual(await splitOf(database, one([['i1', 5]]), defaultSplit), ['i1@5 train']);
  });
});

test('the test part is that of perUserLastShare, and nothing of a user lies before an earlier part', async (t) => {
  const order = { train: 0, validation: 1, test: 2 };
  await withDuckDb(temporaryDirectory(t), async (database) => {
    const pair = fc.record({ user: fc.nat(3), item: fc.nat(9), ts: fc.nat(20) });
    const pairs = fc.uniqueArray(pair, {
      selector: ({ user, item }) => `${user} ${item}`,
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(pairs, async (all) => {
        const keys = all.map(({ user, item, ts }) => ({ user: `u${user}`, item: `i${item}`, ts }));
        const parts = (await splitOf(database, keys, defaultSplit)).map((text) => text.split(' ')[1]);
        const { heldOut } = perUserLastShare({
          user: Int32Array.from(all, ({ user }) => user),
          item: Int32Array.from(all, ({ item }) => item),
          timestamp: Float64Array.from(all, ({ ts }) => ts),
        });
        assert.deepEqual(
          parts.flatMap((part, i) => (part === 'test' ? [i] : [])),
          [...heldOut].sort((a, b) => a - b),
        );
        for (const [i, a] of all.entries()) {
          for (const [j, b] of all.entries()) {
            if (a.user !== b.user || a.ts >= b.ts) continue;
            const [before, after] = [parts[i], parts[j]] as (keyof typeof order)[];
            assert.ok(order[before as keyof typeof order] <= order[after as keyof typeof order]);
          }
        }
      }),
      { numRuns: 25 },
    );
  });
});

test('by time, the newest shares of all positives are held out, equal times together', async (t) => {
  await withDuckDb(temporaryDirectory(t), async (database) => {
    const byTime = { by: 'by-time', validationShare: 0.2, testShare: 0.2 } as const;
    const keys = Array.from({ length: 10 }, (_, i) => ({
      user: `u${i % 3}`,
      item: `i${i}`,
      ts: i === 7 ? 8 : i,
    }));
    const impressions = [3, 6, 8, 9].map((ts) => ({ user: 'u0', item: 'x', ts, weight: 0 }));
    assert.deepEqual(
      (await splitOf(database, [...keys, ...impressions], byTime)).map((text) => text.split('@')[1]),
      [
        ...[0, 1, 2, 3, 4, 5].map((ts) => `${ts} train`),
        '6 validation',
        '8 test',
        '8 test',
        '9 test',
        '3 train',
        '6 validation',
        '8 test',
        '9 test',
      ],
    );
  });
});

test('the protocol says how the test part was held out', () => {
  assert.equal(splitProtocol(defaultSplit), 'per-user-last-20%');
  assert.equal(splitProtocol({ by: 'by-time', testShare: 0.125 }), 'by-time-last-12.5%');
});
