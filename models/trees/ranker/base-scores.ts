import type { RankingRows } from '../../ranking/dataset.ts';
import type { RankingQuery } from '../../ranking/port.ts';
import { askingOf } from '../../ranking/row-scores.ts';
import { NO_PLACE, placesIn } from '../../serving/item-places.ts';
import { type ItemScorer, userInputOf } from '../../serving/item-scorer.ts';
import type { UserInput } from '../../serving/port.ts';
import type { Vocabulary } from '../../vocabulary.ts';

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

/** The same for items that one user is to be shown, by each of several base models; those of one vocabulary are looked up once. */
export async function scoresOfItems(
  scorers: readonly ItemScorer[],
  { asking, items, numbers }: Pick<RankingQuery, 'asking' | 'items' | 'numbers'>,
): Promise<readonly Float32Array[]> {
  const met = new Map<Vocabulary, { readonly places: Int32Array; readonly user: UserInput }>();
  const scores: Float32Array[] = [];
  for (const { vocabulary, prepare } of scorers) {
    const { places, user } = met.get(vocabulary) ?? {
      places: placesIn(vocabulary).of(items, numbers),
      user: userInputOf(vocabulary, asking),
    };
    met.set(vocabulary, { places, user });
    const { ofSome } = await prepare([user]);
    const own = ofSome(
      0,
      places.map((place) => (place === NO_PLACE ? 0 : place)),
    );
    for (let i = 0; i < own.length; i++) if (places[i] === NO_PLACE) own[i] = Number.NaN;
    scores.push(own);
  }
  return scores;
}

/** The values of rows with further columns, [rows] each: [rows, columns]. */
export function wideRows(
  { columns, rows, values }: Pick<RankingRows, 'columns' | 'rows' | 'values'>,
  more: readonly Float32Array[],
): Float32Array {
  const width = columns.length + more.length;
  const wide = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    wide.set(values.subarray(row * columns.length, (row + 1) * columns.length), row * width);
    more.forEach((column, i) => {
      wide[row * width + columns.length + i] = column[row] as number;
    });
  }
  return wide;
}
