import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RankingQuery } from './port.ts';
import { rowScores, shownScores } from './row-scores.ts';
import { rowsOf } from './testing/shown-lists.ts';

test('each list is scored with its own columns, items and places', async () => {
  const row = (value: number, item: number, position: number) => ({
    values: [value],
    grade: 0,
    item,
    position,
  });
  const lists = [
    { user: 0, history: [3], rows: [row(1, 0, 4), row(2, 1, 5)] },
    { user: 1, history: [2, 1], rows: [row(3, 2, 6), row(4, 3, 7), row(5, 0, Number.NaN)] },
  ];
  const rows = rowsOf([{ name: 'f' }], lists, 4);
  const asked: [RankingQuery, Float32Array | undefined][] = [];
  const scorer = {
    inputs: [{ type: 'float64' as const, features: ['f'] }],
    async score(query: RankingQuery, positions?: Float32Array) {
      asked.push([query, positions]);
      return Float64Array.from(query.columns[0] as Float64Array, (value) => 10 * value);
    },
    async close() {},
  };
  assert.deepEqual([...((await shownScores(scorer, rows)) ?? [])], [10, 20, 30, 40, 50]);
  assert.deepEqual(
    asked.map(([{ items, asking }, positions]) => [
      items,
      asking.user,
      asking.recentItems,
      [...(positions ?? [])],
    ]),
    [
      [['i0', 'i1'], 'u0', ['i3'], [4, 5]],
      [['i2', 'i3', 'i0'], 'u1', ['i2', 'i1'], [6, 7, Number.NaN]],
    ],
  );
  asked.splice(0);
  assert.deepEqual([...((await rowScores(scorer, rows)) ?? [])], [10, 20, 30, 40, 50]);
  assert.ok(
    asked.every(([, positions]) => positions === undefined),
    'answers are scored without places',
  );
});
