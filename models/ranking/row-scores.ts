import type { RankingRows } from './dataset.ts';
import type { Asking, FeatureColumn, ItemRanker, ListScorer, RankingQuery } from './port.ts';

/**
 * Returns [rows]: each list scored as if requested when its first item was shown. Undefined if the ranker reads a feature
 * that the rows lack. Errors: the ranker's.
 */
export async function rowScores(
  ranker: Pick<ItemRanker, 'inputs' | 'score'>,
  rows: RankingRows,
): Promise<Float64Array | undefined> {
  const queries = queriesOf(ranker, rows);
  if (queries === undefined) return undefined;
  const scores = new Float64Array(rows.rows);
  for (const { from, query } of queries) scores.set(await ranker.score(query), from);
  return scores;
}

/** The same as of where each item was shown. Undefined likewise. */
export async function shownScores(scorer: ListScorer, rows: RankingRows): Promise<Float64Array | undefined> {
  const queries = queriesOf(scorer, rows);
  if (queries === undefined) return undefined;
  const scores = new Float64Array(rows.rows);
  for (const { from, to, query } of queries) {
    scores.set(await scorer.score(query, rows.positions.subarray(from, to)), from);
  }
  return scores;
}

/** A list as it would have been requested, and its rows. */
export type ListQuery = { readonly from: number; readonly to: number; readonly query: RankingQuery };

/** List by list, as `rowScores` says. */
export function queriesOf(
  { inputs }: Pick<ItemRanker, 'inputs'>,
  rows: RankingRows,
): Iterable<ListQuery> | undefined {
  const names = inputs.flatMap(({ features }) => features);
  const places = names.map((name) => rows.columns.findIndex((column) => column.name === name));
  return places.includes(-1) ? undefined : queriesBy(places, rows);
}

function* queriesBy(places: readonly number[], rows: RankingRows): Generator<ListQuery> {
  const { lists, shown } = rows;
  for (let list = 0; list + 1 < lists.length; list++) {
    const [from, to] = [lists[list] as number, lists[list + 1] as number];
    const items = Array.from(shown.item.subarray(from, to), (item) => shown.items[item] as string);
    const columns = places.map((place) => columnOf(rows, place, from, to));
    yield { from, to, query: { asking: askingOf(rows, from), items, columns } };
  }
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
