import type { ArchiveFile } from '#schemas';
import type { ArchiveWriter } from './archive-writer.ts';
import type { ArchivedTable, Retention } from './archived-tables.ts';
import { dayOfText, startOfDay } from './event-dates.ts';

/** The files of dates that lie whole before `beforeMs`, event time. */
export function filesBefore(files: readonly ArchiveFile[], beforeMs: number): ArchiveFile[] {
  return files.filter(({ date }) => startOfDay(dayOfText(date) + 1) <= beforeMs);
}

/**
 * Drops the files whose rows are past their retention, by the table's own watermark: a world of 1998 keeps its events as
 * long as one of today. Gives the number of files.
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
