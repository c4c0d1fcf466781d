import { type Topic, TopicReader } from '#engine';
import type { OffsetRange } from '#schemas';
import type { AnalyticDatabase } from '../duckdb.ts';
import type { RecordColumns } from '../record-columns.ts';
import type { ArchivedPart, ArchiveSource } from './archived-part.ts';
import { createEncodedTable, encodedTopic } from './staged-table.ts';

export type StagingSource = Pick<ArchiveSource, 'log' | 'logger'>;

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
  let refused = 0;
  const onUndecodable = ({ partition, offset }: { partition: number; offset: number }, err: unknown) =>
    logger.warn({ topic: topic.name, partition, offset, err }, 'an undecodable record is skipped');
  const reader = await TopicReader.open(log, encodedTopic(topic, columns), {
    from: starts.map((start, p) => archived?.ends[p] ?? start),
    onUndecodable,
  });
  try {
    const rest = `rest_${table}`;
    const appender = await createEncodedTable(database, rest, columns, topic.value, (place, error) => {
      refused++;
      onUndecodable(place, error);
    });
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
    return { offsets, records: records - refused, watermark: Math.min(...watermarks) };
  } finally {
    await reader.close();
  }
}
