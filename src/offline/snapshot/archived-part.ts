import { constants, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FatalError, ifThere, type Logger } from '#platform';
import type { ArchiveFile } from '#schemas';
import { type ArchivedTableName, archivedTable } from '../archived-tables.ts';
import type { AnalyticDatabase } from '../duckdb.ts';
import {
  type OfflineSource,
  type OfflineStore,
  openOffline,
  type PartitionStretch,
  selectFromPaths,
  verifyFile,
} from '../reading.ts';

export type ArchiveSource = OfflineSource & { readonly logger: Logger };

/** The records of a topic from some offsets on, as far as the archive has them. */
export type ArchivedPart = {
  /** For each partition: the first archived offset, and the offset where the log continues. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly watermarks: readonly number[];
  /** The columns of the archived table, as SQL. */
  readonly select: string;
  readonly rows: number;
};

/**
 * What the archive has of a topic: of each partition all from the log's start on, or from its very beginning, or nothing.
 * Its files are copied into `directory` and read there, so that whoever replaces them meanwhile disturbs nobody. A file
 * that is not the one that was written is reported, and where the log still has everything, nothing of the archive is used.
 *
 * Errors: for what the log no longer has, those of OfflineStore.require and OfflineStore.verify.
 */
export async function archivedPart(
  database: AnalyticDatabase,
  source: ArchiveSource,
  name: ArchivedTableName,
  from: 'log-start' | 'beginning',
  directory: string,
): Promise<ArchivedPart> {
  const { topic } = archivedTable(name);
  const [description] = await source.log.describeTopics([topic]);
  const kept = (description?.offsets ?? []).map(({ start }) => start);
  const starts = kept.map((start) => (from === 'beginning' ? 0 : start));
  const aside = join(directory, `archived-${name}`);
  await mkdir(aside, { recursive: true });
  for (;;) {
    const store = await openOffline(source);
    for (const [partition, to] of kept.entries()) {
      const start = starts[partition] ?? to;
      if (to > start) store.require(topic, { partition, from: start, to });
    }
    const stretches = starts.flatMap((start, partition) => store.heldFrom(topic, partition, start) ?? []);
    const files = store.filesOf(topic, stretches);
    try {
      const select = selectWithin(name, await copied(store, files, aside), stretches);
      const rows = await database.number(`SELECT count(*) FROM (${select})`);
      return { starts, ...endsOf(starts, stretches, store.progress(topic).watermarks), select, rows };
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      if (await isReplaced(source, files)) continue;
      if (starts.some((start, partition) => start < (kept[partition] ?? start))) throw error;
      source.logger.error(
        { err: error },
        'a file of the archive is damaged; its records are read from the log',
      );
      const { emptySelect } = archivedTable(name).columns;
      return { starts, ...endsOf(starts, [], []), select: emptySelect, rows: 0 };
    }
  }
}

function endsOf(
  starts: readonly number[],
  stretches: readonly PartitionStretch[],
  known: readonly number[],
): Pick<ArchivedPart, 'ends' | 'watermarks'> {
  const ends = [...starts];
  const watermarks = starts.map(() => Number.NEGATIVE_INFINITY);
  for (const { partition, to } of stretches) {
    ends[partition] = to;
    watermarks[partition] = known[partition] ?? Number.NEGATIVE_INFINITY;
  }
  return { ends, watermarks };
}

function selectWithin(
  name: ArchivedTableName,
  paths: readonly string[],
  stretches: readonly PartitionStretch[],
): string {
  const within = stretches.map(
    ({ partition, from, to }) =>
      `(log_partition = ${partition} AND log_offset >= ${from} AND log_offset < ${to})`,
  );
  return `SELECT * FROM (${selectFromPaths(name, paths)}) WHERE ${within.join(' OR ') || 'false'}`;
}

/** Copies that are what was written; on file systems that can, without a byte being moved. */
async function copied(
  store: OfflineStore,
  files: readonly ArchiveFile[],
  directory: string,
): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const [i, file] of files.entries()) {
    const path = join(directory, `${i}.parquet`);
    const from = store.path(file);
    await store.bring(file);
    const isThere = await ifThere(copyFile(from, path, constants.COPYFILE_FICLONE).then(() => true));
    await verifyFile(isThere ? path : from, file, from);
    paths.push(path);
  }
  return paths;
}

/** Whether one of the files does not count any more. */
async function isReplaced(source: ArchiveSource, files: readonly ArchiveFile[]): Promise<boolean> {
  const now = await openOffline(source);
  const counting = new Set(files.flatMap(({ table }) => now.files(table)).map(({ path }) => path));
  return files.some(({ path }) => !counting.has(path));
}
