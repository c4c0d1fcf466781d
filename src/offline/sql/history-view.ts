import { currentRecords, type Topic } from '#engine';
import type { AnyView, recordViews } from '#features';
import { FatalError } from '#platform';
import type { AnalyticDatabase } from '../duckdb.ts';
import { carriedStates, isBeyondReach, openEvents } from '../history/close-dates.ts';
import { HistoryFold, rowsTable } from '../history/fold.ts';
import {
  HISTORY_DECLARATION,
  historyColumns,
  historyTables,
  NO_HISTORY,
  newestRows,
  sqlName,
} from '../history/history-tables.ts';
import type { OfflineSource, OfflineStore } from '../reading.ts';
import { type QueriedView, registerRowFunction } from './row-function.ts';

type QueriedEntity = Pick<QueriedView, 'name' | 'entity'>;

/** The columns of a key, by the view's entity; `"key"` itself comes before them. */
function keyColumns({ entity }: QueriedEntity): string {
  const first = `split_part("key", chr(31), 1)`;
  const second = `substr("key", strpos("key", chr(31)) + 1)`;
  switch (entity) {
    case 'user':
      return '"key" AS user_id';
    case 'item':
      return '"key" AS item_id';
    case 'user-category':
      return `${first} AS user_id, ${second} AS category`;
    case 'user-item':
      return `${first} AS user_id, ${second} AS item_id`;
  }
}

/**
 * Makes view `<view>` with the history (key, its parts, valid_from, state) of all that is archived: of dates that are done
 * from their files, of the others folded now. To be used with `<view>_row`; a row as of t is the newest with valid_from
 * < t. FatalError MR_OFFLINE_HISTORY_INCOMPLETE where it would have to begin with events that are dropped, and those of
 * `verify`.
 */
export async function createHistoryView(
  database: AnalyticDatabase,
  store: OfflineStore,
  view: AnyView,
): Promise<void> {
  if (isBeyondReach(store, view)) throw unreachable(view);
  const tables = historyTables(view);
  const done = [...store.files(tables.base), ...store.files(tables.rows)];
  await store.verify(done);
  const open = [...openEvents(store, view).values()].flat();
  await store.verify(open);
  const carried = await carriedStates(store, view);
  const fold = await HistoryFold.open(database, [view], () => carried);
  if (open.length > 0) await fold.add(store.selectFrom('events', open));
  const sources = [
    done.length === 0 ? NO_HISTORY : `SELECT "key", valid_from, state FROM ${store.parquet(done)}`,
    `SELECT "key", valid_from, state FROM ${rowsTable(view)}`,
  ];
  await defineSqlView(database, view, sources.join(' UNION ALL '));
}

/** As createHistoryView, without rows: for who asks what there is. */
export async function createEmptyHistoryView(database: AnalyticDatabase, view: AnyView): Promise<void> {
  await defineSqlView(database, view, NO_HISTORY);
}

/** The view of rows (key, valid_from, state), and macro `<view>_as_of(at)`: the finished row of each key as of a time in ms. */
async function defineSqlView(database: AnalyticDatabase, view: QueriedEntity, rows: string): Promise<void> {
  const name = sqlName(view);
  const keys = keyColumns(view);
  await database.run(`CREATE TEMP VIEW ${name} AS
    SELECT "key", ${keys}, valid_from, epoch_ms(valid_from) AS "time", state FROM (${rows})`);
  await database.run(`CREATE TEMP MACRO ${name}_as_of("at") AS TABLE
    SELECT ${keys}, valid_from, unnest(${name}_row(state, "at"))
    FROM (${newestRows(name, 'valid_from < "at"')})`);
}

/**
 * Makes `<view>`, `<view>_row` and `<view>_as_of` of a record view, as of one that is aggregated. Its topic is compacted and
 * no archive keeps it: of each key there is the newest record alone, valid from the record's own time. What an entity was
 * before that nobody can tell, so a row as of an earlier time is left out.
 */
export async function createRecordView(
  database: AnalyticDatabase,
  view: (typeof recordViews)[number],
  { log, topics }: Pick<OfflineSource, 'log' | 'topics'>,
  isRead: boolean,
): Promise<void> {
  const topic = topics[view.source] as Topic<string, unknown>;
  registerRowFunction(database, { ...view, empty: () => null, decode: (bytes) => topic.value.decode(bytes) });
  const table = `records_${sqlName(view)}`;
  await database.run(`CREATE TEMP TABLE ${table} (${HISTORY_DECLARATION})`);
  const records = isRead ? [...(await currentRecords(log, topic, 'by-newest')).values()] : [];
  const rows = records.map(({ key, timestamp, value }) => {
    return { key, at: timestamp, state: topic.value.encode(value) };
  });
  await database.appendRows(table, historyColumns(), rows);
  await defineSqlView(database, view, `FROM ${table}`);
}

function unreachable({ name, version }: AnyView): FatalError {
  return new FatalError(
    'MR_OFFLINE_HISTORY_INCOMPLETE',
    `The history of ${name}, version ${version}, would have to begin with events that are dropped from the archive.`,
    { hint: 'Keep events for as long as a view reaches back: offline.eventsDays.' },
  );
}
