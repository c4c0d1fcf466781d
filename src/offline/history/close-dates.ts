import type { AnyView } from '#features';
import type { ArchiveFile } from '#schemas';
import type { ArchiveWriter } from '../archive-writer.ts';
import { filesBefore } from '../compaction.ts';
import { dayOfText, startOfDay } from '../event-dates.ts';
import { unionOf } from '../file-batch.ts';
import type { OfflineStore } from '../reading.ts';
import { carryTable, HistoryFold, rowsTable } from './fold.ts';
import { historyTables, isStates, NO_HISTORY, newestRows } from './history-tables.ts';
import { orderByKey, rowsOfGroup } from './state-rows.ts';

/** Dates whose rows become visible together: the states at their end are written once. */
const DATES_AT_ONCE = 31;

/** The date up to which the history of a view is done, as YYYY-MM-DD; undefined before its first date. */
function historyThrough(store: OfflineStore, view: AnyView): string | undefined {
  return store.files(historyTables(view).carry).at(-1)?.date;
}

/** The files of events that the history of a view has not taken in, by date. */
export function openEvents(store: OfflineStore, view: AnyView): ReadonlyMap<string, ArchiveFile[]> {
  const through = historyThrough(store, view) ?? '';
  const files = store.files('events').filter(({ date }) => date > through);
  return Map.groupBy(files, ({ date }) => date);
}

/** Whether the history of a view can't begin any more: events that it would have to begin with are dropped. */
export function isBeyondReach(store: OfflineStore, view: AnyView): boolean {
  const through = historyThrough(store, view) ?? '';
  return store.dropped('events').some(({ date }) => date > through);
}

/** A SELECT of the states at the end of the last date that is done. */
export async function carriedStates(store: OfflineStore, view: AnyView): Promise<string> {
  const files = store.files(historyTables(view).carry);
  await store.verify(files);
  return files.length === 0 ? NO_HISTORY : `SELECT "key", valid_from, state FROM ${store.parquet(files)}`;
}

/**
 * Writes the history of views for the dates that lie before the watermark: each date once, after those before it. Views
 * whose history can't begin are left out.
 */
export async function closeDates(
  writer: ArchiveWriter,
  views: readonly AnyView[],
  watermark: number,
  signal: AbortSignal,
): Promise<void> {
  const { store } = writer;
  const possible = views.filter((view) => !isBeyondReach(store, view));
  // Views that are equally far read the events together.
  for (const group of Map.groupBy(possible, (view) => historyThrough(store, view)).values()) {
    for (;;) {
      const dates = dueDates(store, group[0] as AnyView, watermark);
      if (dates.length === 0 || signal.aborted) break;
      await writeDates(writer, group, dates);
    }
  }
}

type DueDate = { readonly date: string; readonly files: readonly ArchiveFile[] };

function dueDates(store: OfflineStore, view: AnyView, watermark: number): DueDate[] {
  const dates = Array.from(openEvents(store, view), ([date, files]) => ({ date, files }));
  return dates.filter(({ date }) => startOfDay(dayOfText(date) + 1) <= watermark).slice(0, DATES_AT_ONCE);
}

async function writeDates(
  writer: ArchiveWriter,
  views: readonly AnyView[],
  dates: readonly DueDate[],
): Promise<void> {
  const { store, database, transactions } = writer;
  const carried = new Map<AnyView, string>();
  for (const view of views) carried.set(view, await carriedStates(store, view));
  const fold = await HistoryFold.open(database, views, (view) => carried.get(view) ?? NO_HISTORY);
  const written = writer.batch();
  const write = async (view: AnyView, table: string, rows: string, { date, files }: DueDate) =>
    written.write(database, {
      table,
      date,
      offsets: unionOf(files),
      schema: view.declaration,
      select: `SELECT * FROM ${rows}`,
      rowGroupRows: await rowsOfGroup(database, `FROM ${rows}`),
      // States that no event has reached are done up to this date as well.
      keepEmpty: isStates(table),
    });
  for (const due of dates) {
    await store.verify(due.files);
    await fold.clearRows();
    await fold.add(store.selectFrom('events', due.files));
    for (const view of views) await write(view, historyTables(view).rows, rowsTable(view), due);
  }
  const replaced: ArchiveFile[] = [];
  for (const view of views) {
    const { carry } = historyTables(view);
    replaced.push(...store.files(carry));
    await orderByKey(database, carryTable(view), 'ordered_states');
    await write(view, carry, 'ordered_states', dates.at(-1) as DueDate);
  }
  await database.run('DROP TABLE ordered_states');
  await fold.close();
  await transactions.commit({ written, replaced });
}

/**
 * Drops the rows that are past their retention; the newest row of each key stays, so that rows as of a time that is kept
 * know what lies before.
 */
export async function dropHistory(writer: ArchiveWriter, view: AnyView, beforeMs: number): Promise<void> {
  const { store, database, transactions } = writer;
  const { rows, base } = historyTables(view);
  const dropped = filesBefore(store.files(rows), beforeMs);
  const last = dropped.at(-1);
  if (last === undefined) return;
  const replaced = store.files(base);
  const sources = [...replaced, ...dropped];
  await store.verify(sources);
  const written = writer.batch();
  await database.run(`CREATE OR REPLACE TEMP TABLE newest AS ${newestRows(store.parquet(sources))}`);
  await orderByKey(database, 'newest', 'ordered_states');
  await written.write(database, {
    table: base,
    date: last.date,
    offsets: last.offsets,
    schema: view.declaration,
    select: 'SELECT * FROM ordered_states',
    rowGroupRows: await rowsOfGroup(database, 'FROM ordered_states'),
  });
  for (const table of ['newest', 'ordered_states']) await database.run(`DROP TABLE ${table}`);
  await transactions.commit({ written, replaced, dropped });
}
