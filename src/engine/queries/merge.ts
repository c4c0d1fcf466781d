import type { Row } from './rows.ts';

type Page = { readonly partition: number; readonly rows: readonly Row[]; readonly complete: boolean };
type MergedRow = Row & { readonly partition: number };

/**
 * The first `limit` rows of several tasks' pages, by key and then partition. Each page holds the first rows of its
 * task, `limit` of them where there are more, so nothing that is not on a page belongs among the first.
 */
export function merged(
  pages: readonly Page[],
  limit: number,
): { readonly rows: readonly MergedRow[]; readonly hasMore: boolean } {
  const all = pages.flatMap(({ partition, rows }) => rows.map((row): MergedRow => ({ ...row, partition })));
  all.sort((a, b) => Buffer.compare(a.key, b.key) || a.partition - b.partition);
  const hasMore = all.length > limit || pages.some(({ complete }) => !complete);
  return { rows: all.slice(0, limit), hasMore };
}
