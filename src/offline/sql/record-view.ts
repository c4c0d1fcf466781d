import { currentRecords, type Topic } from '#engine';
import type { recordViews } from '#features';
import type { AnalyticDatabase } from '../duckdb.ts';
import { historyColumns, historyDeclaration, sqlName } from '../history/history-tables.ts';
import type { OfflineSource } from '../reading.ts';
import { defineSqlView } from './history-view.ts';
import { registerRowFunction } from './row-function.ts';

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
  await database.run(`CREATE TEMP TABLE ${table} (${historyDeclaration})`);
  const records = isRead ? [...(await currentRecords(log, topic, 'by-newest')).values()] : [];
  const rows = records.map(({ key, timestamp, value }) => {
    return { key, at: timestamp, state: topic.value.encode(value) };
  });
  await database.appendRows(table, historyColumns, rows);
  await defineSqlView(database, view, `FROM ${table}`);
}
