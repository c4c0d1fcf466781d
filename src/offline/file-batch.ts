import { createHash } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failpoint, fingerprint, sync } from '#platform';
import type { ArchiveFile, OffsetRange } from '#schemas';
import type { DataFiles } from '#storage';
import { type AnalyticDatabase, literal } from './duckdb.ts';
import { dateFolder } from './event-dates.ts';

/** The folder of the data directory in which all files of the archive lie. */
export const OFFLINE_DIRECTORY = 'offline';

/** A file to be written. */
export type FileSpec = {
  readonly table: string;
  readonly date: string;
  readonly offsets: readonly OffsetRange[];
  /** Fingerprint of the schema, hexadecimal. */
  readonly schema: string;
  /** Its rows, in their order. */
  readonly select: string;
  /** Rows of a row group, for wide ones: a group is in memory while it is written. */
  readonly rowGroupRows?: number;
  /** How often the file was rewritten with the same records in another form. */
  readonly revision?: number;
  /** Write it even without rows. */
  readonly keepEmpty?: boolean;
};

/**
 * Parquet files that are to become visible together. They are written aside and flushed to the disk, then moved to their
 * places; until a manifest event names them they are orphans, which the next start removes.
 */
export class FileBatch {
  readonly files: ArchiveFile[] = [];
  readonly #data: DataFiles;
  readonly #aside: string;

  /** `aside` is a directory of the same file system that belongs to the caller alone. */
  constructor(data: DataFiles, aside: string) {
    this.#data = data;
    this.#aside = aside;
  }

  /** Writes a file aside; one without rows is left out unless it is to be kept. Equal rows and offsets give equal bytes under the same name. */
  async write(database: AnalyticDatabase, spec: FileSpec): Promise<ArchiveFile | undefined> {
    const { table, date, offsets, schema } = spec;
    const path = filePath(spec);
    const aside = join(this.#aside, `${this.files.length}-${basename(path)}`);
    const groups = spec.rowGroupRows === undefined ? '' : `, ROW_GROUP_SIZE ${spec.rowGroupRows}`;
    const rows = await database.copy(
      `COPY (${spec.select}) TO ${literal(aside)} (FORMAT parquet, COMPRESSION zstd${groups})`,
    );
    if (rows === 0 && spec.keepEmpty !== true) {
      await rm(aside, { force: true });
      return undefined;
    }
    await sync(aside);
    const file: ArchiveFile = {
      path,
      table,
      date,
      status: 'written',
      offsets: [...offsets],
      rows,
      ...(await fingerprint(aside)),
      schema,
      ts: 0,
    };
    this.files.push(file);
    failpoint('archive.file.written');
    return file;
  }

  /** Moves what was written to its places, durably, and puts it into the object store where there is one. */
  async place(): Promise<void> {
    const folders = new Set<string>();
    for (const [i, { path }] of this.files.entries()) {
      const place = join(this.#data.dataDirectory, path);
      const made = await mkdir(dirname(place), { recursive: true });
      for (let folder = dirname(place); ; folder = dirname(folder)) {
        folders.add(folder);
        // The folder that holds the first new one has a new name to keep.
        if (made === undefined || folder === dirname(made)) break;
      }
      await rename(join(this.#aside, `${i}-${basename(path)}`), place);
      failpoint('archive.file.placed');
    }
    for (const folder of folders) await sync(folder);
    for (const file of this.files) await this.#data.files?.publishFile(file.path, file);
  }
}

/** Where a file lies, relative to the data directory: a function of what it covers. */
function filePath({ table, date, offsets, revision = 0 }: FileSpec): string {
  const [first] = offsets;
  const range =
    first === undefined ? 'none' : `p${first.partition}-${padded(first.start)}-${padded(first.end)}`;
  const all = offsets.map(({ topic, partition, start, end }) => [topic, partition, start, end]);
  const hash = createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 8);
  const name = `${range}-${hash}${revision === 0 ? '' : `-r${revision}`}.parquet`;
  return `${OFFLINE_DIRECTORY}/${table}/${dateFolder(date)}/${name}`;
}

const padded = (offset: number) => String(offset).padStart(12, '0');

/** The revision in a file's name. */
export function revisionOf({ path }: Pick<ArchiveFile, 'path'>): number {
  return Number(/-r(\d+)\.parquet$/.exec(path)?.[1] ?? 0);
}

/** From the first to the last record of several files in each partition. */
export function unionOf(files: readonly Pick<ArchiveFile, 'offsets'>[]): OffsetRange[] {
  const ranges = new Map<string, OffsetRange>();
  for (const range of files.flatMap(({ offsets }) => offsets)) {
    const key = `${range.topic} ${range.partition}`;
    const known = ranges.get(key);
    ranges.set(
      key,
      known === undefined
        ? range
        : { ...known, start: Math.min(known.start, range.start), end: Math.max(known.end, range.end) },
    );
  }
  return [...ranges.values()].sort((a, b) =>
    a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition,
  );
}
