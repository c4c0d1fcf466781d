import { BOOLEAN, VARCHAR } from '@duckdb/node-api';
import { type Topic, TopicReader, type TopicRecord } from '#engine';
import type { OffsetRange } from '#schemas';
import type { AnalyticDatabase, TableAppender } from '../duckdb.ts';
import type { RecordColumns } from '../record-columns.ts';
import type { ArchivedPart, ArchiveSource } from './archived-part.ts';

export type StagingSource = Pick<ArchiveSource, 'log' | 'logger'>;

export type StagedRecord<V> = Omit<TopicRecord<string, V>, 'topic'>;

export type Staging = {
  readonly database: AnalyticDatabase;
  readonly onRecords: (count: number) => void;
};

/** What was read of a topic, and until when its records are complete. */
export type Staged = {
  readonly offsets: readonly OffsetRange[];
  readonly records: number;
  /** NO_WATERMARK for topics that carry none. */
  readonly watermark: number;
};

/**
 * Makes view `table` of all that a topic holds, a row a record: the columns of an archived record, then `log_key` and
 * `is_tombstone`. What an archived part has is read from there, the rest from the log. Records that can't be decoded are
 * reported and left out.
 */
export async function stageTopic<V>(
  { log, logger }: StagingSource,
  topic: Topic<string, V>,
  columns: RecordColumns<V>,
  table: string,
  { database, onRecords }: Staging,
  archived?: ArchivedPart,
): Promise<Staged> {
  const [description] = await log.describeTopics([topic.name]);
  const starts = (description?.offsets ?? []).map(({ start }, p) => archived?.starts[p] ?? start);
  const reader = await TopicReader.open(log, topic, {
    from: starts.map((start, p) => archived?.ends[p] ?? start),
    onUndecodable: (place, err) =>
      logger.warn({ ...place, err }, 'a record that cannot be decoded is left out'),
  });
  try {
    const rest = `rest_${table}`;
    const appender = await createTable(database, rest, columns);
    let records = archived?.rows ?? 0;
    onRecords(records);
    for await (const polled of reader.untilEnd()) {
      await appender.add(polled);
      records += polled.length;
      onRecords(polled.length);
    }
    await appender.close();
    const parts = [`FROM ${rest}`];
    if (archived !== undefined) {
      parts.unshift(`SELECT *, user_id AS log_key, false AS is_tombstone FROM (${archived.select})`);
    }
    await database.run(`CREATE TEMP VIEW ${table} AS ${parts.join(' UNION ALL ')}`);
    const offsets = reader.positions.map((end, partition): OffsetRange => {
      return { topic: topic.name, partition, start: starts[partition] ?? end, end };
    });
    // A partition of an archived topic has one writer: what it said last holds, wherever it was read.
    const watermarks = reader.watermarks.map((ms, p) => Math.max(ms, archived?.watermarks[p] ?? ms));
    return { offsets, records, watermark: Math.min(...watermarks) };
  } finally {
    await reader.close();
  }
}

/** What adds records to a new temporary table of their columns, their keys, and whether they are tombstones. */
export async function createTable<V>(
  database: AnalyticDatabase,
  table: string,
  { declaration, columns }: RecordColumns<V>,
): Promise<TableAppender<StagedRecord<V>>> {
  await database.run(`CREATE TEMP TABLE ${table} (${declaration}, log_key VARCHAR, is_tombstone BOOLEAN)`);
  return database.appender<StagedRecord<V>>(table, [
    ...columns,
    { type: VARCHAR, of: ({ key }) => key },
    { type: BOOLEAN, of: ({ value }) => value === null },
  ]);
}
