import type { RankingRows } from './dataset.ts';
import type { Asking, FeatureColumn, ItemRanker } from './port.ts';

/**
 * [rows]; each list scored as if it had been asked for when its first item was shown. Undefined for a ranker that reads a
 * feature which the rows don't have. Errors: the ranker's.
 */
export async function rowScores(ranker: ItemRanker, rows: RankingRows): Promise<Float64Array | undefined> {
  const names = ranker.inputs.flatMap(({ features }) => features);
  const places = names.map((name) => rows.columns.findIndex((column) => column.name === name));
  if (places.includes(-1)) return undefined;
  const scores = new Float64Array(rows.rows);
  for (let list = 0; list + 1 < rows.lists.length; list++) {
    const [from, to] = [rows.lists[list] as number, rows.lists[list + 1] as number];
    const items = Array.from(rows.shown.item.subarray(from, to), (item) => rows.shown.items[item] as string);
    const columns = places.map((place) => columnOf(rows, place, from, to));
    scores.set(await ranker.score({ asking: askingOf(rows, from), items, columns }), from);
  }
  return scores;
}

/** Who was shown the item of a row, as of that moment. */
export function askingOf({ shown }: Pick<RankingRows, 'shown'>, row: number): Asking {
  const { users, items, moments, history } = shown;
  const user = users[shown.user[row] as number];
  const recent = history.ids.subarray(history.offsets[row] as number, history.offsets[row + 1] as number);
  return {
    user: user?.id ?? '',
    recentItems: Array.from(recent, (item) => items[item] as string),
    profile: user?.profile ?? null,
    context: moments[shown.moment[row] as number] ?? null,
  };
}

function columnOf(
  { columns, values }: Pick<RankingRows, 'columns' | 'values'>,
  place: number,
  from: number,
  to: number,
): FeatureColumn {
  const own = Float64Array.from(
    { length: to - from },
    (_, i) => values[(from + i) * columns.length + place] as number,
  );
  const categories = columns[place]?.categories;
  return categories === undefined ? own : Array.from(own, (code) => categories[code] ?? null);
}
