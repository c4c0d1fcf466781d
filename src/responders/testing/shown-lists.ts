import type { RankingRows } from '#models';
import { itemIds } from './tiny-model.ts';

const IMPRESSIONS = 'item-features.impressions';
export const CATEGORY = 'item-profile.category';

/** Lists of three of the items, of which users take those with an even number: the later ones were shown more often. */
export function shownLists(): RankingRows {
  const users = Array.from({ length: 12 }, (_, i) => ({ id: `user-${i}`, profile: null }));
  const rows = 3 * 400;
  const user = Int32Array.from({ length: rows }, (_, row) => Math.floor(row / 3) % users.length);
  const item = Int32Array.from(
    { length: rows },
    (_, row) => (row * 7 + Math.floor(row / 3)) % itemIds.length,
  );
  return {
    columns: [
      { name: IMPRESSIONS },
      { name: CATEGORY, categories: [0, 1, 2].map((kind) => `category-${kind}`) },
    ],
    rows,
    values: Float32Array.from({ length: 2 * rows }, (_, at) => {
      const own = item[at >> 1] as number;
      return at % 2 === 0 ? own % 7 : (own % 10) % 3;
    }),
    grades: Float32Array.from(item, (own) => Number(own % 2 === 0)),
    positions: new Float32Array(rows),
    revenues: new Float32Array(rows),
    drawn: new Uint8Array(rows),
    lists: Int32Array.from({ length: rows / 3 + 1 }, (_, list) => 3 * list),
    shown: {
      ...{ users, items: itemIds, moments: [null], user, item, moment: new Int32Array(rows) },
      history: { offsets: new Int32Array(rows + 1), ids: new Int32Array() },
    },
  };
}
