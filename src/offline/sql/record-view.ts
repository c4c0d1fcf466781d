import { blobValue } from '@duckdb/node-api';
import { currentRecords, type Topic } from '#engine';
import type { recordViews } from '#features';
import type { AnalyticDatabase } from '../duckdb.ts';
import { historyDeclaration, historyTypes, sqlName } from '../history/history-tables.ts';
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
  await database.appendColumns(table, historyTypes, records.length, (start, end) => {
    const some = records.slice(start, end);
    return [
      some.map(({ key }) => key),
      some.map(({ timestamp }) => BigInt(timestamp)),
      some.map(({ value }) => blobValue(topic.value.encode(value))),
    ];
  });
  await defineSqlView(database, view, `FROM ${table}`);
}
