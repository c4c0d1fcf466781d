import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RankingRows } from '../ranking/dataset.ts';
import { askingOf } from '../ranking/row-scores.ts';
import { rowsOf, type ShownList } from '../ranking/testing/shown-lists.ts';
import { rankingRowsAt } from './chosen-rows.ts';

const ITEMS = 6;
const row = fc.record({
  values: fc.tuple(fc.integer({ min: 0, max: 9 }), fc.constant(Number.NaN)),
  grade: fc.integer({ min: 0, max: 3 }),
  item: fc.integer({ min: 0, max: ITEMS - 1 }),
  position: fc.integer({ min: 0, max: 9 }),
  revenue: fc.integer({ min: 0, max: 9 }),
});
const list: fc.Arbitrary<ShownList> = fc.record({
  user: fc.integer({ min: 0, max: 3 }),
  rows: fc.array(row, { minLength: 1, maxLength: 4 }),
  history: fc.array(fc.integer({ min: 0, max: ITEMS - 1 }), { maxLength: 3 }),
});

/** All that a row says. */
function told(rows: RankingRows, at: number) {
  const { values, grades, positions, revenues, shown } = rows;
  const item = shown.items[shown.item[at] as number];
  const features = [...values.subarray(2 * at, 2 * at + 2)];
  return { features, item, numbers: [grades[at], positions[at], revenues[at]], asking: askingOf(rows, at) };
}

test('chosen rows say what they said, in the lists that they were in; lists without any are gone', () => {
  const lists = fc.array(list, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(lists, fc.infiniteStream(fc.boolean()), (shown, isChosen) => {
      const all = rowsOf([{ name: 'a' }, { name: 'b' }], shown, ITEMS);
      const chosen = Int32Array.from(
        Array.from({ length: all.rows }, (_, at) => at).filter(() => isChosen.next().value),
      );
      const kept = rankingRowsAt(all, chosen);
      assert.deepEqual([kept.rows, kept.columns], [chosen.length, all.columns]);
      chosen.forEach((from, at) => {
        assert.deepEqual(told(kept, at), told(all, from));
      });
      const expected = Array.from({ length: all.lists.length - 1 }, (_, of) =>
        [...chosen].filter((at) => at >= (all.lists[of] as number) && at < (all.lists[of + 1] as number)),
      ).filter((rows) => rows.length > 0);
      const found = Array.from({ length: kept.lists.length - 1 }, (_, of) => [
        ...chosen.subarray(kept.lists[of], kept.lists[of + 1]),
      ]);
      assert.deepEqual(found, expected);
    }),
  );
});
