import type { Random } from '../random.ts';

/** Writes a share of the rows, ascending, to the start of `order`, without replacement (Knuth's algorithm S); returns how many. */
export function sampleRows(order: Int32Array, share: number, random: Random): number {
  const rows = order.length;
  const wanted = share === 1 ? rows : Math.max(1, Math.round(share * rows));
  if (wanted === rows) {
    for (let row = 0; row < rows; row++) order[row] = row;
    return rows;
  }
  let taken = 0;
  for (let row = 0; taken < wanted; row++) {
    order[taken] = row;
    if (random.uniform() * (rows - row) < wanted - taken) taken++;
  }
  return wanted;
}

/** [columns]: 1 for a share of those that `usable` names. */
export function sampleColumns(
  columns: number,
  usable: readonly number[],
  share: number,
  random: Random,
): Uint8Array {
  const chosen = new Uint8Array(columns);
  const shuffled = Int32Array.from(usable);
  if (share < 1) random.shuffle(shuffled);
  const count = Math.max(1, Math.round(share * usable.length));
  for (const column of shuffled.subarray(0, count)) chosen[column] = 1;
  return chosen;
}
