import type { RankingRows } from '../../ranking/dataset.ts';
import type { Asking } from '../../ranking/port.ts';
import { askingOf } from '../../ranking/row-scores.ts';
import { type ItemScorer, userInputOf } from '../../serving/item-scorer.ts';

/** Rows whose users are embedded together. */
const ROWS_AT_ONCE = 4096;

/** [rows]; what a base model gives each item for who it was shown to, as of that moment; NaN for an item that it does not know. */
export async function scoresOfRows(
  scorer: ItemScorer,
  rows: Pick<RankingRows, 'rows' | 'shown'>,
): Promise<Float32Array> {
  const { vocabulary } = scorer;
  const indices = Int32Array.from(rows.shown.items, (id) => vocabulary.itemIndex(id) ?? -1);
  const scores = new Float32Array(rows.rows);
  for (let from = 0; from < rows.rows; from += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, rows.rows - from);
    const users = Array.from({ length: count }, (_, i) => userInputOf(vocabulary, askingOf(rows, from + i)));
    const { of: score } = await scorer.prepare(users);
    for (let i = 0; i < count; i++) {
      const item = indices[rows.shown.item[from + i] as number] as number;
      scores[from + i] = item < 0 ? Number.NaN : score(i, item);
    }
  }
  return scores;
}

/** The same for items that one user is to be shown. */
export async function scoresOfItems(
  scorer: ItemScorer,
  asking: Asking,
  items: readonly string[],
): Promise<Float32Array> {
  const { vocabulary } = scorer;
  const { of: score } = await scorer.prepare([userInputOf(vocabulary, asking)]);
  return Float32Array.from(items, (id) => {
    const item = vocabulary.itemIndex(id);
    return item === undefined ? Number.NaN : score(0, item);
  });
}
