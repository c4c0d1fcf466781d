import type { Row } from './rows.ts';

type Page = { readonly partition: number; readonly rows: readonly Row[]; readonly complete: boolean };
type MergedRow = Row & { readonly partition: number };

/**
 * The first rows of several tasks' pages, at most `limit`, by key and then partition. Each page holds the first rows of
 * its task. What follows an incomplete page is not known, so nothing behind its last row is among them.
 */
export function merged(
  pages: readonly Page[],
  limit: number,
): { readonly rows: readonly MergedRow[]; readonly hasMore: boolean } {
  const all = pages.flatMap(({ partition, rows }) => rows.map((row): MergedRow => ({ ...row, partition })));
  all.sort(inOrder);
  const ends = pages.flatMap(({ partition, rows, complete }): MergedRow[] => {
    const last = rows.at(-1);
    return complete || last === undefined ? [] : [{ ...last, partition }];
  });
  const [end] = ends.sort(inOrder);
  const known = end === undefined ? all : all.filter((row) => inOrder(row, end) <= 0);
  return { rows: known.slice(0, limit), hasMore: end !== undefined || all.length > limit };
}

const inOrder = (a: MergedRow, b: MergedRow) => Buffer.compare(a.key, b.key) || a.partition - b.partition;
