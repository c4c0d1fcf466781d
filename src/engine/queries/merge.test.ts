import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { merged } from './merge.ts';
import { behind, type Continuation, decodeContinuation, encodeContinuation, rangeOf } from './query.ts';
import type { Row } from './rows.ts';

const row = (key: string): Row => ({ key: Buffer.from(key), value: Buffer.from('v') });

/** One task's page: its rows lie sorted. */
function pageOf(keys: readonly string[], after: Continuation | undefined, partition: number, most: number) {
  const range = behind(rangeOf({ kind: 'range' }), after, partition);
  const inRange = keys
    .map(row)
    .filter(({ key }) => Buffer.compare(key, range.gte) >= 0 && Buffer.compare(key, range.lt) < 0)
    .sort((a, b) => Buffer.compare(a.key, b.key));
  return { partition, rows: inRange.slice(0, most), complete: inRange.length <= most };
}

it('nothing after the last row of a page that goes on is known', () => {
  const page = merged(
    [
      { partition: 0, rows: [row('a'), row('c')], complete: false },
      { partition: 1, rows: [row('a'), row('b'), row('d')], complete: true },
    ],
    10,
  );
  assert.deepEqual(
    page.rows.map(({ key, partition }) => `${key} ${partition}`),
    ['a 0', 'a 1', 'b 1', 'c 0'],
  );
  assert.equal(page.hasMore, true);
});

it('a limit cuts the rows, and says that there are more', () => {
  const pages = [{ partition: 0, rows: [row('a'), row('b')], complete: true }];
  assert.deepEqual(
    [1, 2].map((limit) => [merged(pages, limit).rows.length, merged(pages, limit).hasMore]),
    [
      [1, true],
      [2, false],
    ],
  );
});

it('pages of several tasks, one after the other, give each row once and in order', () => {
  const key = fc.string({ unit: 'grapheme', maxLength: 3 }).filter((text) => text.isWellFormed());
  const task = fc.uniqueArray(key, { maxLength: 8 });
  fc.assert(
    fc.property(
      fc.array(task, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 5 }),
      // Pages that are shorter than the limit: a page of large values ends early.
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 4, maxLength: 4 }),
      (tasks, limit, rowsAPage) => {
        const seen: (readonly [string, number])[] = [];
        let after: Continuation | undefined;
        for (;;) {
          const from = after;
          const page = merged(
            tasks.map((keys, partition) =>
              pageOf(keys, from, partition, Math.min(limit, rowsAPage[partition] ?? limit)),
            ),
            limit,
          );
          assert.ok(page.rows.length <= limit);
          for (const { key, partition } of page.rows) seen.push([key.toString(), partition]);
          const last = page.rows.at(-1);
          if (!page.hasMore || last === undefined) break;
          after = decodeContinuation(encodeContinuation({ key: last.key, partition: last.partition }));
        }
        const expected = tasks
          .flatMap((keys, partition) => keys.map((key) => [key, partition] as const))
          .sort(([a, p], [b, q]) => Buffer.compare(Buffer.from(a), Buffer.from(b)) || p - q);
        assert.deepEqual(seen, expected);
      },
    ),
  );
});
