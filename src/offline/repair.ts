import { type Topic, TopicReader, type TopicRecord } from '#engine';
import { MillraceError } from '#platform';
import type { ArchiveFile } from '#schemas';
import { type ArchiveEnvironment, ArchiveWriter } from './archive-writer.ts';
import { type ArchivedValue, archivedTables } from './archived-tables.ts';
import { ROW_ORDER } from './compaction.ts';
import { dayOfText, startOfDay } from './event-dates.ts';
import { revisionOf } from './file-batch.ts';

export type ArchiveRepair = {
  /** Paths of files that were written again, equal to the byte. */
  readonly repaired: readonly string[];
  /** Those that could not be, which stay as they are. */
  readonly left: readonly { readonly path: string; readonly why: string }[];
};

/**
 * Writes each file of the archive that is not what its event says once more, from the records that it covers, and puts it in
 * its place where the bytes are those of its event: nothing else is taken for it. The log has to have all of its records
 * still. Fences a running archive, which goes on where it was. Errors: MR_LOG_FENCED where another writer comes between.
 */
export async function repairArchive(
  environment: ArchiveEnvironment,
  signal?: AbortSignal,
): Promise<ArchiveRepair> {
  const repaired: string[] = [];
  const left: { path: string; why: string }[] = [];
  const work = async (writer: ArchiveWriter) => {
    for (const file of writer.transactions.manifest.with('written')) {
      signal?.throwIfAborted();
      if (await isSound(writer, file)) continue;
      const why = await rewritten(environment, writer, file);
      if (why === undefined) repaired.push(file.path);
      else left.push({ path: file.path, why });
    }
  };
  await ArchiveWriter.with(environment, 'repair', work, signal);
  return { repaired, left };
}

async function isSound(writer: ArchiveWriter, file: ArchiveFile): Promise<boolean> {
  try {
    await writer.store.verify([file]);
    return true;
  } catch (error) {
    if (error instanceof MillraceError) return false;
    throw error;
  }
}

/** Why it could not be; undefined where it is in its place. */
async function rewritten(
  environment: ArchiveEnvironment,
  writer: ArchiveWriter,
  file: ArchiveFile,
): Promise<string | undefined> {
  const { log, topics } = environment;
  const { database } = writer;
  const table = archivedTables.find((each) => each.table === file.table);
  if (table === undefined) return 'it is a history, which "millrace features history" folds again';
  const described = await log.describeTopics([table.topic]);
  const gone = file.offsets.find(
    ({ partition, start }) => start < (described[0]?.offsets[partition]?.start ?? 0),
  );
  if (gone !== undefined) {
    return `the log no longer has ${table.topic}/${gone.partition} from offset ${gone.start}`;
  }
  const records = await recordsOf(log, topics[table.topic] as Topic<string, ArchivedValue>, file);
  const again = writer.batch();
  await database.run(`CREATE OR REPLACE TEMP TABLE cut (${table.columns.declaration})`);
  await database.appendRows('cut', table.columns.columns, records);
  const day = dayOfText(file.date);
  const select = `SELECT * FROM cut WHERE ts >= ${startOfDay(day)} AND ts < ${startOfDay(day + 1)} ${ROW_ORDER}`;
  const { date, offsets, schema } = file;
  const spec = { table: file.table, date, offsets, schema, select, revision: revisionOf(file) };
  const written = await again.write(database, spec);
  await database.run('DROP TABLE cut');
  if (written?.sha256 !== file.sha256 || written.path !== file.path)
    return 'what the log has makes another file: users were erased from it, or another release wrote it';
  // Else an object that is damaged would stay: it has the right name.
  await environment.files?.removeFile(file.path);
  await again.place();
  return undefined;
}

async function recordsOf(
  log: ArchiveEnvironment['log'],
  topic: Topic<string, ArchivedValue>,
  { offsets }: ArchiveFile,
) {
  const ends = new Map(offsets.map(({ partition, end }) => [partition, end]));
  const [description] = await log.describeTopics([topic.name]);
  // Partitions that the file has nothing of are not read.
  const starts = (description?.offsets ?? []).map(
    ({ stable }, partition) => offsets.find((range) => range.partition === partition)?.start ?? stable,
  );
  const reader = await TopicReader.open(log, topic, { from: starts, onUndecodable: () => {} });
  const records: TopicRecord<string, ArchivedValue>[] = [];
  try {
    for await (const chunk of reader.untilEnd()) {
      for (const record of chunk)
        if (record.value !== null && record.offset < (ends.get(record.partition) ?? 0)) records.push(record);
      if ([...ends].every(([partition, end]) => (reader.positions[partition] ?? 0) >= end)) break;
    }
  } finally {
    await reader.close();
  }
  return records;
}
