import type { ArchiveFile } from '#schemas';
import type { ArchiveWriter } from './archive-writer.ts';
import type { ArchivedTable, Retention } from './archived-tables.ts';
import { dayOfText, startOfDay } from './event-dates.ts';
import { unionOf } from './file-batch.ts';

/** A file of this size is left as it is, and more are not put together. */
const TARGET_BYTES = 128 * 1024 * 1024;
/** A date that is not over yet may have this many small files. */
const OPEN_DATE_FILES = 64;
const smallBytes = TARGET_BYTES / 16;

/** The order of the rows of a file: a total one, so that equal rows make equal files. */
export const ROW_ORDER = 'ORDER BY ts, log_partition, log_offset';

/**
 * Puts the files of each date that is over together, and of one that goes on when they have become many. Readers see the
 * old files or the new one. Returns the number of files that were replaced.
 */
export async function compact(
  writer: ArchiveWriter,
  { table, schema }: ArchivedTable,
  watermark: number,
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  for (const [date, files] of Map.groupBy(writer.store.files(table), (file) => file.date)) {
    const isOver = startOfDay(dayOfText(date) + 1) <= watermark;
    for (const group of isOver ? groupsOf(files, TARGET_BYTES) : groupsOfOpenDate(files)) {
      if (signal.aborted) return count;
      await writer.store.verify(group);
      const written = writer.batch();
      const select = `${writer.store.selectFrom(table, group)} ${ROW_ORDER}`;
      await written.write(writer.database, { table, date, offsets: unionOf(group), schema, select });
      await writer.transactions.commit({ written, replaced: group });
      count += group.length;
    }
  }
  return count;
}

/** Neighbours that make a file of good size together. */
function groupsOf(files: readonly ArchiveFile[], target: number): ArchiveFile[][] {
  const groups: ArchiveFile[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const file of files) {
    if (bytes + file.bytes > target) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(file);
    bytes += file.bytes;
  }
  return groups.filter((group) => group.length > 1);
}

function groupsOfOpenDate(files: readonly ArchiveFile[]): ArchiveFile[][] {
  const small = files.filter(({ bytes }) => bytes < smallBytes);
  return small.length > OPEN_DATE_FILES ? groupsOf(small, TARGET_BYTES) : [];
}

/** The files of dates that lie whole before `beforeMs`, event time. */
export function filesBefore(files: readonly ArchiveFile[], beforeMs: number): ArchiveFile[] {
  return files.filter(({ date }) => startOfDay(dayOfText(date) + 1) <= beforeMs);
}

/**
 * Drops the files whose rows are past their retention, by the table's own watermark: a world of 1998 keeps its events as
 * long as one of today. Returns the number of files.
 */
export async function dropExpired(
  writer: ArchiveWriter,
  { table, retention }: ArchivedTable,
  watermark: number,
  keep: Retention,
): Promise<number> {
  const dropped = filesBefore(writer.store.files(table), watermark - keep[retention]);
  if (dropped.length > 0) await writer.transactions.commit({ dropped });
  return dropped.length;
}
