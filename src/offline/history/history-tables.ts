/**
 * Where the history of a view lies. `user-features-2` holds its rows by date: (key, valid_from, state), where the state is
 * that of all events up to and with valid_from, so that a row as of t is the newest one with valid_from < t. Beside it
 * `-carry` holds the newest state of every key at the end of the last date that is done, from which the next date goes on,
 * and `-base` the newest row of every key among the dates that were dropped.
 */
import { type AnyView, versionedName } from '#features';
import type { Column } from '../duckdb.ts';
import { duckDbApi } from '../duckdb-package.ts';

export type HistoryTables = { readonly rows: string; readonly carry: string; readonly base: string };

export function historyTables(view: Pick<AnyView, 'name' | 'version'>): HistoryTables {
  const rows = versionedName(view);
  return { rows, carry: `${rows}-carry`, base: `${rows}-base` };
}

/** Whether a table holds the states at the end of a date, so that even without rows it says how far a history has come. */
export function isStates(table: string): boolean {
  return table.endsWith('-carry');
}

/** A row of a history as it is written. */
export type HistoryRow = { readonly key: string; readonly at: number; readonly state: Buffer };

export function historyColumns(): readonly Column<HistoryRow>[] {
  const { BIGINT, BLOB, VARCHAR } = duckDbApi();
  return [
    { type: VARCHAR, of: ({ key }) => key },
    { type: BIGINT, of: ({ at }) => at },
    { type: BLOB, of: ({ state }) => state },
  ];
}
export const HISTORY_DECLARATION = '"key" VARCHAR, valid_from BIGINT, state BLOB';
export const NO_HISTORY =
  'SELECT NULL::VARCHAR AS "key", NULL::BIGINT AS valid_from, NULL::BLOB AS state WHERE false';

/**
 * A SELECT of the newest row of each key of a history, of those that match. It compares keys and times alone: arg_max of
 * the states would hold every state that was the newest for a while.
 */
export function newestRows(history: string, matches = 'true'): string {
  return `SELECT "key", valid_from, state FROM ${history} SEMI JOIN (
    SELECT "key", max(valid_from) AS valid_from FROM ${history} WHERE ${matches} GROUP BY "key"
  ) AS newest USING ("key", valid_from)`;
}

/** A view's name as an identifier of SQL. */
export function sqlName({ name }: Pick<AnyView, 'name'>): string {
  return name.replaceAll('-', '_');
}

/** The column of events that keeps all keys of a view together. */
export function leadingColumn({ entity }: Pick<AnyView, 'entity'>): 'user_id' | 'item_id' {
  return entity === 'item' ? 'item_id' : 'user_id';
}
