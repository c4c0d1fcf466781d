import type { RankingRows } from '../ranking/dataset.ts';
import { queriesOf } from '../ranking/row-scores.ts';
import type { DlrmData, Examples } from './data.ts';
import { inputsOf, type ListEncoder, type SideRow } from './list-encoding.ts';

/** The lists as examples, each side's equal rows once. */
export function examplesOf(rows: RankingRows, encoder: ListEncoder): DlrmData {
  const users = new DistinctRows();
  const items = new DistinctRows();
  const candidates: SideRow[] = [];
  const [user, item] = [new Int32Array(rows.rows), new Int32Array(rows.rows)];
  for (const { from, to, query } of queriesOf({ inputs: inputsOf(rows) }, rows) ?? []) {
    const list = encoder.encode(query, rows.positions.subarray(from, to));
    const own = list.users.map((row) => users.placeOf(row));
    for (let row = from; row < to; row++) {
      user[row] = own[list.userOf[row - from] as number] as number;
      item[row] = items.placeOf(list.items[row - from] as SideRow);
      candidates.push(list.candidates[row - from] as SideRow);
    }
  }
  return {
    users: encoder.rowsOf('user', users.rows),
    items: encoder.rowsOf('item', items.rows),
    ...(encoder.hasCandidates && { candidates: encoder.rowsOf('candidate', candidates) }),
    train: {
      user,
      item,
      ...(encoder.hasCandidates && { candidate: Int32Array.from(candidates, (_, row) => row) }),
      weight: new Float32Array(rows.rows).fill(1),
      ...outcomesOf(rows),
    },
  };
}

/**
 * An item that was taken is clicked, and one that was bought converted. Where nothing was bought of what was clicked, or
 * everything, there are no conversions to be learned.
 */
function outcomesOf({ grades, revenues }: RankingRows): Pick<Examples, 'clicked' | 'converted' | 'revenue'> {
  const clicked = Uint8Array.from(grades, (grade) => Number(grade > 0));
  const converted = Uint8Array.from(revenues, (revenue, row) => Number(revenue > 0 && clicked[row] === 1));
  const clicks = clicked.reduce((sum, each) => sum + each, 0);
  const conversions = converted.reduce((sum, each) => sum + each, 0);
  return { clicked, ...(conversions > 0 && conversions < clicks && { converted, revenue: revenues }) };
}

class DistinctRows {
  readonly rows: SideRow[] = [];
  readonly #places = new Map<string, number>();

  placeOf(row: SideRow): number {
    const key = keyOf(row);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.rows.length);
    return this.rows.push(row) - 1;
  }
}

/** Equal for rows whose features are equal. */
export const keyOf = ({ dense, sparse }: SideRow): string => `${dense.join()} ${JSON.stringify(sparse)}`;
