import { type AnyView, featureViews, recordViews } from '#features';
import { InputError, MillraceError } from '#platform';
import { type ArchivedTableName, archivedTables } from '../archived-tables.ts';
import { type AnalyticDatabase, literal, type QueryResult, withScratchDuckDb } from '../duckdb.ts';
import { duckDbApi } from '../duckdb-package.ts';
import { historyTables, sqlName } from '../history/history-tables.ts';
import type { OfflineSource, OfflineStore } from '../reading.ts';
import { createEmptyHistoryView, createHistoryView, createRecordView } from './history-view.ts';
import { type Json, jsonValues } from './json-values.ts';
import { registerPseudonym, registerRowFunction } from './row-function.ts';

export type QueryOptions = {
  readonly store: OfflineStore;
  /** Views whose history can be queried, one per name; all of the product's by default. */
  readonly views?: readonly AnyView[];
  /** Where record views are read; without it there are none of them. */
  readonly records?: Pick<OfflineSource, 'log' | 'topics'>;
  /** How the log names a user, for function `pseudonym(user)`; undefined for one that it does not know. */
  readonly pseudonymOf?: (userId: string) => string | undefined;
  /** Ends the query. */
  readonly signal?: AbortSignal;
};

/**
 * Runs one SELECT over the archive and hands its result to `use`, while the query runs, with values as `jsonValues` has them. There are `events`, `examples`
 * (with the newest labels), `example_corrections`, and for each view its history `<view>`, `<view>_row(state, at)` and
 * `<view>_as_of(at)`; of record views, the newest records on the log. The query reads the archive's files and no others,
 * writes none, and reaches no network.
 *
 * Errors: InputError MR_OFFLINE_QUERY; those of OfflineStore.verify and createHistoryView; the signal's reason.
 */
export async function queryOffline<T>(
  sql: string,
  { store, views = featureViews, records, pseudonymOf, signal }: QueryOptions,
  use: (result: QueryResult<Json>) => Promise<T>,
): Promise<T> {
  const work = async (database: AnalyticDatabase) => {
    try {
      if (pseudonymOf !== undefined) registerPseudonym(database, pseudonymOf);
      const names = namesIn(sql);
      await createTables(database, store, views, names);
      if (records !== undefined) {
        for (const view of recordViews) await createRecordView(database, view, records, isNamed(view, names));
      }
      await close(database, store, views);
      await refuseOtherThanSelect(database, sql);
      return await use(await database.result(sql, jsonValues()));
    } catch (error) {
      throw error instanceof MillraceError ? error : refused(error);
    }
  };
  return withScratchDuckDb(work, signal);
}

/** Every word of a query: what is not among them need not be read. */
function namesIn(sql: string): ReadonlySet<string> {
  return new Set(sql.toLowerCase().match(/\w+/g) ?? []);
}

function isNamed(view: Pick<AnyView, 'name'>, names: ReadonlySet<string>): boolean {
  const name = sqlName(view);
  return names.has(name) || names.has(`${name}_as_of`);
}

async function createTables(
  database: AnalyticDatabase,
  store: OfflineStore,
  views: readonly AnyView[],
  names: ReadonlySet<string>,
): Promise<void> {
  const hasExamples = names.has('examples');
  for (const { table } of archivedTables) {
    const name = table.replaceAll('-', '_');
    const isRead = names.has(name) || (hasExamples && table === 'example-corrections');
    await createTable(database, store, table, isRead);
  }
  for (const view of views) {
    registerRowFunction(database, view);
    if (isNamed(view, names)) await createHistoryView(database, store, view);
    else await createEmptyHistoryView(database, view);
  }
}

async function createTable(
  database: AnalyticDatabase,
  store: OfflineStore,
  table: ArchivedTableName,
  isRead: boolean,
): Promise<void> {
  const files = isRead ? store.files(table) : [];
  await store.verify(files);
  const rows = store.selectFrom(table, files);
  const name = table.replaceAll('-', '_');
  const source = table === 'examples' ? 'examples_as_written' : name;
  await database.run(`CREATE TEMP VIEW ${source} AS SELECT *, epoch_ms(ts) AS "time" FROM (${rows})`);
}

/** What a label is by now: that of the newest correction. Needs the other tables. */
const CORRECTED_EXAMPLES = `CREATE TEMP VIEW examples AS
  SELECT examples_as_written.* REPLACE (coalesce(newest.labels, examples_as_written.labels) AS labels)
  FROM examples_as_written LEFT JOIN (
    SELECT user_id, event_id, arg_max(labels, log_offset) AS labels FROM example_corrections GROUP BY ALL
  ) AS newest USING (user_id, event_id)`;

/** From here on nothing but the archive's own files can be opened. */
async function close(
  database: AnalyticDatabase,
  store: OfflineStore,
  views: readonly AnyView[],
): Promise<void> {
  await database.run(CORRECTED_EXAMPLES);
  const tables = [
    ...archivedTables.map(({ table }) => table),
    ...views.flatMap((view) => [historyTables(view).rows, historyTables(view).base]),
  ];
  const paths = tables.flatMap((table) => store.files(table).map((file) => literal(store.path(file))));
  await database.run(`SET allowed_paths = [${paths.join(', ')}]`);
  await database.run('SET enable_external_access = false');
  await database.run('SET lock_configuration = true');
}

/** A SELECT writes nothing. What EXPLAIN ANALYZE is given is run, so that it has to be one, too. */
async function refuseOtherThanSelect(database: AnalyticDatabase, sql: string): Promise<void> {
  if (sql.trim() === '') throw notOneSelect('it is empty');
  const types = await database.statementTypes(sql);
  if (types.length !== 1) throw notOneSelect(`it has ${types.length} statements`);
  const [type] = types;
  const { StatementType } = duckDbApi();
  if (type === StatementType.SELECT) return;
  const explained = /^\s*explain\s+(?:analyze\s+)?(?<statement>\S[\s\S]*)$/i.exec(sql)?.groups?.statement;
  if (type !== StatementType.EXPLAIN || explained === undefined) throw notOneSelect('it is none');
  await refuseOtherThanSelect(database, explained);
}

function notOneSelect(problem: string): InputError {
  return new InputError('MR_OFFLINE_QUERY', `A query is one SELECT; ${problem}.`, {
    hint: 'Write one SELECT, without INSERT, COPY or SET; its result can be printed with --csv or --json.',
  });
}

function refused(error: unknown): InputError {
  const message = error instanceof Error ? error.message : String(error);
  return new InputError('MR_OFFLINE_QUERY', message.trim(), {
    hint: '"SHOW TABLES" and "DESCRIBE events" say what there is.',
    cause: error,
  });
}
