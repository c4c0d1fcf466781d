import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TopicRecord } from '#engine';
import type { Log } from '#log';
import { FatalError, fileProblem } from '#platform';
import type { ArchiveFile } from '#schemas';
import type { DataFiles } from '#storage';
import type { Topics } from '#topologies';
import { type ArchiveProgress, progressOf, readProgress } from './archive-progress.ts';
import {
  type ArchivedTable,
  type ArchivedTableName,
  type ArchivedTopic,
  type ArchivedValue,
  archivedTable,
  archivedTables,
} from './archived-tables.ts';
import { type AnalyticDatabase, literal } from './duckdb.ts';
import { Manifest } from './manifest.ts';

export type OfflineSource = DataFiles & { readonly log: Log; readonly topics: Topics };

/** A stretch of one partition: offsets from `from` up to and without `to`. */
export type PartitionStretch = { readonly partition: number; readonly from: number; readonly to: number };

/** Opens what the archive holds now. Files that come later are not seen: open it again for them. */
export async function openOffline(source: OfflineSource): Promise<OfflineStore> {
  // Progress first: what it speaks of is in the manifest that is read after it.
  const progress = await readProgress(source.log, source.topics);
  const manifest = await Manifest.read(source.log, source.topics['archive-files']);
  return new OfflineStore(source, manifest, progress);
}

/** The archive as it was at one moment. */
export class OfflineStore {
  readonly #data: DataFiles;
  readonly #manifest: Manifest;
  readonly #progress: ReadonlyMap<ArchivedTopic, ArchiveProgress>;
  readonly #verified = new Set<string>();

  constructor(data: DataFiles, manifest: Manifest, progress: ReadonlyMap<ArchivedTopic, ArchiveProgress>) {
    this.#data = data;
    this.#manifest = manifest;
    this.#progress = progress;
  }

  /** The files of a table that count, in order of date and path. Tables: `events`, ..., and those of views' histories. */
  files(table: string): readonly ArchiveFile[] {
    return this.#manifest.valid(table);
  }

  /** Those of all tables. */
  allFiles(): readonly ArchiveFile[] {
    return this.#manifest.with('written');
  }

  /** The files of a table whose rows are past their retention. */
  dropped(table: string): readonly ArchiveFile[] {
    return this.#manifest.with('dropped').filter((file) => file.table === table);
  }

  /** Up to where a topic is archived: the next offset of each partition, and the watermark up to which that is complete. */
  progress(topic: ArchivedTopic): ArchiveProgress {
    return this.#progress.get(topic) ?? progressOf([], [], []);
  }

  path({ path }: ArchiveFile): string {
    return join(this.#data.dataDirectory, path);
  }

  /**
   * Holds files against their manifests, each once; what is in an object store is brought from there where it is missing or
   * damaged. FatalError MR_OFFLINE_FILE_MISSING, MR_OFFLINE_FILE_CORRUPT, which name the file; those of SharedFiles.
   */
  async verify(files: readonly ArchiveFile[]): Promise<void> {
    for (const file of files) {
      const isTrusted = this.#verified.has(file.path);
      await this.#data.files?.bringFile(file.path, file, { isTrusted });
      if (isTrusted) continue;
      if (this.#data.files === undefined) await verifyFile(this.path(file), file);
      this.#verified.add(file.path);
    }
  }

  /** Brings a file that an object store has, where it is not here. Errors: those of SharedFiles. */
  async bring(file: ArchiveFile): Promise<void> {
    await this.#data.files?.bringFile(file.path, file, { isTrusted: true });
  }

  /** A SELECT over files of an archived table, with the columns of today: fields that older files lack are null. */
  selectFrom(table: ArchivedTableName, files: readonly ArchiveFile[] = this.files(table)): string {
    return selectFromPaths(
      table,
      files.map((file) => this.path(file)),
    );
  }

  /** Files as DuckDB reads them. */
  parquet(files: readonly ArchiveFile[]): string {
    return readParquet(files.map((file) => this.path(file)));
  }

  /**
   * The archived records of a topic in order of (partition, offset), for rebuilds of what lies below the log's start.
   * FatalError MR_OFFLINE_INCOMPLETE where a stretch reaches beyond what is archived, or rows of it were dropped.
   */
  async *records<V extends ArchivedValue>(
    database: AnalyticDatabase,
    topic: ArchivedTopic,
    stretches: readonly PartitionStretch[],
  ): AsyncGenerator<TopicRecord<string, V>[]> {
    const { table, columns } = tableOf(topic);
    for (const stretch of stretches.toSorted((a, b) => a.partition - b.partition)) {
      this.require(topic, stretch);
      const { partition, from, to } = stretch;
      const files = this.filesOf(topic, [stretch]);
      await this.verify(files);
      const rows = `${this.selectFrom(table, files)} WHERE log_partition = ${partition}
        AND log_offset >= ${from} AND log_offset < ${to} ORDER BY log_offset`;
      for await (const chunk of database.valueRows(files.length === 0 ? columns.emptySelect : rows)) {
        yield chunk.map((row) => {
          const record = columns.record(row);
          return { topic, key: record.value.user_id, ...record, value: record.value as V };
        });
      }
    }
  }

  /** FatalError MR_OFFLINE_INCOMPLETE where the archive lacks something of a stretch. */
  require(topic: ArchivedTopic, stretch: PartitionStretch): void {
    const why = this.#missing(topic, stretch);
    if (why !== undefined) throw incomplete(topic, stretch, why);
  }

  /** All that the archive has of a partition from an offset on; undefined where that is nothing, or something is missing. */
  heldFrom(topic: ArchivedTopic, partition: number, from: number): PartitionStretch | undefined {
    const to = this.progress(topic).offsets[partition] ?? 0;
    const stretch = { partition, from, to };
    return to > from && this.#missing(topic, stretch) === undefined ? stretch : undefined;
  }

  /** The files that hold something of a topic's stretches. */
  filesOf(topic: ArchivedTopic, stretches: readonly PartitionStretch[]): readonly ArchiveFile[] {
    const files = this.files(tableOf(topic).table);
    return files.filter((file) => stretches.some((stretch) => covers(file, stretch)));
  }

  #missing(topic: ArchivedTopic, stretch: PartitionStretch): string | undefined {
    const { partition, from, to } = stretch;
    const { offsets, begins } = this.progress(topic);
    if (to > (offsets[partition] ?? 0)) return 'is not archived yet';
    if (from < (begins[partition] ?? 0)) return 'had left the log before the archive began';
    const isDropped = this.dropped(tableOf(topic).table).some((file) => covers(file, stretch));
    return isDropped ? 'was dropped at the end of its retention' : undefined;
  }
}

function tableOf(topic: ArchivedTopic): ArchivedTable {
  return archivedTables.find((each) => each.topic === topic) as ArchivedTable;
}

/** A SELECT over Parquet files of an archived table, with the columns of today: fields that older files lack are null. */
export function selectFromPaths(table: ArchivedTableName, paths: readonly string[]): string {
  const { columns } = archivedTable(table);
  if (paths.length === 0) return columns.emptySelect;
  return `SELECT ${columns.selection} FROM (${columns.emptySelect}
    UNION ALL BY NAME SELECT * FROM ${readParquet(paths)})`;
}

function readParquet(paths: readonly string[]): string {
  const list = paths.map(literal).join(', ');
  return `read_parquet([${list}], union_by_name = true, hive_partitioning = false)`;
}

function covers({ offsets }: ArchiveFile, { partition, from, to }: PartitionStretch): boolean {
  return offsets.some((range) => range.partition === partition && range.start < to && range.end > from);
}

/** Refuses a file, or a copy of one, that is not what was written. */
export async function verifyFile(path: string, file: ArchiveFile, name: string = path): Promise<void> {
  const problem = await fileProblem(path, file);
  if (problem === undefined) return;
  const code = existsSync(path) ? 'MR_OFFLINE_FILE_CORRUPT' : 'MR_OFFLINE_FILE_MISSING';
  throw new FatalError(code, `The archived file ${name} ${problem}.`, {
    hint: 'Restore it from a backup, or set option storage again if it was taken away; nothing else holds its rows once the log has dropped them.',
  });
}

function incomplete(topic: string, { partition, from, to }: PartitionStretch, why: string): FatalError {
  return new FatalError(
    'MR_OFFLINE_INCOMPLETE',
    `Part of ${topic}, partition ${partition}, between offsets ${from} and ${to} ${why}.`,
    { hint: 'Request fewer, or wait for the archive to catch up.' },
  );
}
