import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Topic, TopicReader, type TopicRecord } from '#engine';
import type { Log } from '#engine/log';
import type { Logger } from '#platform';
import type { OffsetRange } from '#schemas';
import { type AnalyticDatabase, literal } from '../duckdb.ts';
import type { SnapshotTable } from './columns.ts';

/** Text is written to the disk in pieces of this length. */
const writtenAtOnce = 1 << 20;
/** A file of this length is loaded while the next one is written. */
const fileLength = 1 << 25;

export type StagingSource = { readonly log: Log; readonly logger: Logger };

export type Staging = {
  readonly database: AnalyticDatabase;
  /** For files that live while a topic is staged. */
  readonly directory: string;
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
 * Copies all that a topic holds into a new table, a row a record: `log_partition`, `log_offset`, `log_key`,
 * `is_tombstone`, then the columns of the value. It goes by way of JSON files, which DuckDB loads while the next
 * records are decoded: that is quicker than handing it values one by one, and takes no memory. Records that can't be
 * decoded are reported and left out.
 */
export async function stageTopic<V>(
  { log, logger }: StagingSource,
  topic: Topic<string, V>,
  table: string,
  layout: SnapshotTable,
  staging: Staging,
): Promise<Staged> {
  const [description] = await log.describeTopics([topic.name]);
  const starts = (description?.offsets ?? []).map(({ start }) => start);
  const reader = await TopicReader.open(log, topic, {
    from: starts,
    onUndecodable: (place, err) =>
      logger.warn({ ...place, err }, 'a record that cannot be decoded is left out'),
  });
  const loading = await Loading.begin(staging, table, layout);
  try {
    let records = 0;
    for await (const polled of reader.untilEnd()) {
      await loading.add(polled);
      records += polled.length;
      staging.onRecords(polled.length);
    }
    await loading.end();
    const offsets = reader.positions.map((end, partition): OffsetRange => {
      return { topic: topic.name, partition, start: starts[partition] ?? end, end };
    });
    return { offsets, records, watermark: reader.watermark };
  } finally {
    await loading.abandon();
    await reader.close();
  }
}

type StagedRecord = Pick<TopicRecord<string, unknown>, 'partition' | 'offset' | 'key' | 'value'>;

/** Rows on their way into a table: those of one file are loaded while the next file is written. */
export class Loading {
  readonly #staging: Staging;
  readonly #table: string;
  readonly #layout: SnapshotTable;
  readonly #select: string;
  #file: { readonly path: string; readonly handle: FileHandle; length: number } | undefined;
  #files = 0;
  #text = '';
  #loaded: Promise<void> = Promise.resolve();

  private constructor(staging: Staging, table: string, layout: SnapshotTable) {
    this.#staging = staging;
    this.#table = table;
    this.#layout = layout;
    const columns = layout.columns.map(({ name, source }) => `${source} AS "${name}"`);
    this.#select = `SELECT log_partition, log_offset, log_key, value IS NULL AS is_tombstone, ${columns.join(', ')}`;
  }

  static async begin(staging: Staging, table: string, layout: SnapshotTable): Promise<Loading> {
    const loading = new Loading(staging, table, layout);
    await staging.database.run(`CREATE TEMP TABLE "${table}" AS ${loading.#select} FROM (
      SELECT NULL::INTEGER AS log_partition, NULL::BIGINT AS log_offset, NULL::VARCHAR AS log_key, NULL::${layout.type} AS value
    ) WHERE false`);
    return loading;
  }

  async add(records: readonly StagedRecord[]): Promise<void> {
    for (const { partition, offset, key, value } of records) {
      const row = { log_partition: partition, log_offset: offset, log_key: key, value };
      this.#text += this.#layout.hasNotFinite(value) ? JSON.stringify(row, asText) : JSON.stringify(row);
      this.#text += '\n';
      if (this.#text.length >= writtenAtOnce) await this.#write();
    }
  }

  async end(): Promise<void> {
    if (this.#text !== '') await this.#write();
    await this.#load();
    await this.#loaded;
  }

  /** Waits for what is under way, so that the database can be closed. */
  async abandon(): Promise<void> {
    await this.#loaded.catch(() => {});
    await this.#file?.handle.close();
    this.#file = undefined;
  }

  async #write(): Promise<void> {
    this.#file ??= await this.#nextFile();
    await this.#file.handle.write(this.#text);
    this.#file.length += this.#text.length;
    this.#text = '';
    if (this.#file.length >= fileLength) await this.#load();
  }

  async #nextFile() {
    const path = join(this.#staging.directory, `${this.#table}-${this.#files++}.jsonl`);
    return { path, handle: await open(path, 'wx'), length: 0 };
  }

  /** Begins to load the file that is written, when the one before it is in. */
  async #load(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    await file.handle.close();
    await this.#loaded;
    const { database } = this.#staging;
    this.#loaded = database
      .run(
        `INSERT INTO "${this.#table}" ${this.#select} FROM read_json(${literal(file.path)}, format = 'newline_delimited',
         columns = {log_partition: 'INTEGER', log_offset: 'BIGINT', log_key: 'VARCHAR', value: ${literal(this.#layout.type)}})`,
      )
      .then(() => rm(file.path));
    // Its failure is met where it is waited for.
    this.#loaded.catch(() => {});
  }
}

/** JSON has no NaN and would make nothing of it, which must not look like a missing value: DuckDB reads it as text. */
function asText(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
