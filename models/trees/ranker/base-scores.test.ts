import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retrievalOf, rowsOf } from '../../ranking/testing/shown-lists.ts';
import type { ItemScorer } from '../../serving/item-scorer.ts';
import { scoresOfItems, scoresOfRows } from './base-scores.ts';

const { vocabulary } = retrievalOf([[0, 1, 2]], 3);

/** Scores an item by its number. */
const scorer = {
  vocabulary,
  async prepare() {
    return {
      of: (_: number, item: number) => item + 1,
      ofSome: (_: number, items: ArrayLike<number>) => Float32Array.from(items, (item) => item + 1),
    };
  },
  async close() {},
} as unknown as ItemScorer;

test('an item that a base model does not know has no score of it, in training as in answers', async () => {
  const shown = [2, 4, 0, 3].map((item) => ({ values: [0], grade: 0, item }));
  const rows = rowsOf([{ name: 'f' }], [{ user: 0, rows: shown }], 5);
  const expected = [3, Number.NaN, 1, Number.NaN];
  assert.deepEqual([...(await scoresOfRows(scorer, rows))], expected);
  const asking = { user: 'u0', recentItems: [], profile: null, context: null };
  const scores = await scoresOfItems([scorer, scorer], { asking, items: ['i2', 'i4', 'i0', 'i3'] });
  assert.deepEqual(
    scores.map((each) => [...each]),
    [expected, expected],
  );
});
