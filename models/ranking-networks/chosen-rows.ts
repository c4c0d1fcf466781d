import type { RankingRows } from '../ranking/dataset.ts';
import type { Bags } from '../two-tower/data.ts';

/** The rows at `chosen`, ascending; lists keep together what is left of them. */
export function rankingRowsAt(rows: RankingRows, chosen: Int32Array): RankingRows {
  const { columns, values, lists, grades, positions, revenues, drawn, shown } = rows;
  const width = columns.length;
  const kept = new Float32Array(chosen.length * width);
  chosen.forEach((row, i) => {
    kept.set(values.subarray(row * width, (row + 1) * width), i * width);
  });
  const floats = (from: Float32Array) => Float32Array.from(chosen, (row) => from[row] as number);
  const places = (from: Int32Array) => Int32Array.from(chosen, (row) => from[row] as number);
  return {
    columns,
    rows: chosen.length,
    values: kept,
    lists: listsAt(lists, chosen),
    grades: floats(grades),
    positions: floats(positions),
    revenues: floats(revenues),
    drawn: Uint8Array.from(chosen, (row) => drawn[row] as number),
    shown: {
      ...shown,
      user: places(shown.user),
      item: places(shown.item),
      moment: places(shown.moment),
      history: bagsAt(shown.history, chosen),
    },
  };
}

function listsAt(lists: Int32Array, chosen: Int32Array): Int32Array {
  const starts: number[] = [];
  let list = -1;
  chosen.forEach((row, i) => {
    const before = list;
    while (row >= (lists[list + 1] as number)) list++;
    if (list !== before) starts.push(i);
  });
  return Int32Array.from([...starts, chosen.length]);
}

function bagsAt({ offsets, ids }: Bags, chosen: Int32Array): Bags {
  const starts = new Int32Array(chosen.length + 1);
  chosen.forEach((row, i) => {
    starts[i + 1] = (starts[i] as number) + (offsets[row + 1] as number) - (offsets[row] as number);
  });
  const kept = new Int32Array(starts.at(-1) as number);
  chosen.forEach((row, i) => {
    kept.set(ids.subarray(offsets[row], offsets[row + 1]), starts[i]);
  });
  return { offsets: starts, ids: kept };
}
