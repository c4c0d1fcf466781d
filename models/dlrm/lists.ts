import type { RankingRows } from '../ranking/dataset.ts';
import { type KindWeights, kindWeights } from '../ranking/kind-weights.ts';
import { queriesOf } from '../ranking/row-scores.ts';
import type { DlrmData, Examples, Rows, SparseFeature } from './data.ts';
import { inputsOf, type ListEncoder, type SideRow } from './list-encoding.ts';

/** The lists as examples, each side's equal rows once. */
export function examplesOf(rows: RankingRows, encoder: ListEncoder, weighed: KindWeights): DlrmData {
  const users = new DistinctRows();
  const items = new DistinctRows();
  const candidates: Rows[] = [];
  const [user, item] = [new Int32Array(rows.rows), new Int32Array(rows.rows)];
  for (const { from, to, query } of queriesOf({ inputs: inputsOf(rows) }, rows) ?? []) {
    const list = encoder.encode(query, rows.positions.subarray(from, to));
    const own = list.users.map((row) => users.placeOf(row));
    for (let row = from; row < to; row++) {
      user[row] = own[list.userOf[row - from] as number] as number;
      item[row] = items.placeOf(list.items[row - from] as SideRow);
    }
    if (encoder.hasCandidates) candidates.push(encoder.rowsOf('candidate', list.candidates));
  }
  return {
    users: encoder.rowsOf('user', users.rows),
    items: encoder.rowsOf('item', items.rows),
    ...(encoder.hasCandidates && { candidates: joinedRows(candidates) }),
    train: {
      user,
      item,
      ...(encoder.hasCandidates && { candidate: Int32Array.from({ length: rows.rows }, (_, row) => row) }),
      weight: kindWeights(rows, weighed) ?? new Float32Array(rows.rows).fill(1),
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

/** Rows of one side, one part after the other: each row of a large training as objects would take gigabytes. */
function joinedRows(parts: readonly Rows[]): Rows {
  const [first] = parts;
  const width = first?.dense.width ?? 0;
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const values = new Float32Array(count * width);
  let at = 0;
  for (const { dense } of parts) {
    values.set(dense.values, at);
    at += dense.values.length;
  }
  const sparse = (first?.sparse ?? []).map(({ cardinality }, feature): SparseFeature => {
    const own = parts.map((part) => part.sparse[feature] as SparseFeature);
    const offsets = new Int32Array(count + 1);
    const ids = new Int32Array(own.reduce((sum, part) => sum + part.ids.length, 0));
    let [row, size] = [0, 0];
    for (const part of own) {
      ids.set(part.ids, size);
      for (let i = 1; i < part.offsets.length; i++) offsets[++row] = size + (part.offsets[i] as number);
      size += part.ids.length;
    }
    return { cardinality, offsets, ids };
  });
  return { count, dense: { width, values }, sparse };
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
