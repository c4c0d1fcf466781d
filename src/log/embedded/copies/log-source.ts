import { realpathSync } from 'node:fs';
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { encodeBatch } from '../../batch.ts';
import type { TopicPartition } from '../../port.ts';
import { StoredBatch } from '../../stored-batch.ts';
import { openForReading, recordsTable, translated } from '../database.ts';
import { unpack } from '../packed-batch.ts';
import { type Query, Statements } from '../statements.ts';

/** The tables beside the records, each small enough to be read whole; `partitions` is read by itself. */
export const STATE_TABLES = {
  topics: ['id', 'name', 'partitions', 'cleanup'],
  producers: ['transactional_id', 'epoch'],
  consumer_groups: ['name', 'revision', 'state'],
  group_offsets: ['consumer_group', 'topic', 'partition', 'offset', 'metadata'],
  schemas: ['id', 'canonical', 'schema'],
  subjects: ['subject', 'version', 'schema'],
  dropped_partitions: ['id'],
} as const;

export type StateTable = keyof typeof STATE_TABLES;
export type StateRow = readonly (string | number | null)[];

/** How many of a table's columns make its key; they come first. */
export const KEY_COLUMNS: Readonly<Record<StateTable, number>> = {
  topics: 1,
  producers: 1,
  consumer_groups: 1,
  group_offsets: 3,
  schemas: 1,
  subjects: 2,
  dropped_partitions: 1,
};

export type SourcePartition = TopicPartition & {
  /** Never given out twice in one log: a recreated topic has other ids. */
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly newest: number | null;
  readonly compactedTo: number;
  /** Undefined where no tombstone is ever removed. */
  readonly tombstoneRetentionMs: number | undefined;
};

/** A batch of a partition as it is stored. */
export type StoredRow = {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly newest: number;
  readonly batch: Uint8Array;
};

/**
 * The embedded log as a backup reads it, beside the processes that write: by offsets, so that neither a checkpoint nor
 * the cleaner's merging of batches changes what has been read up to where. Each read is bounded and closes its cursor.
 */
export class LogSource {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly #version: Query;
  readonly #partitions: Query;
  readonly #exists: Query;
  readonly #rows = new Map<number, Query>();

  constructor(directory: string) {
    this.#path = `${directory}/log.sqlite`;
    this.#database = openForReading(realpathSync(directory));
    this.#statements = new Statements(this.#database);
    this.#version = this.#statements.query('PRAGMA data_version');
    this.#exists = this.#statements.query('SELECT 1 FROM partitions WHERE id = ?');
    this.#partitions = this.#statements.query(
      `SELECT p.id, t.name, p.partition, p.start_offset, p.end_offset, p.newest, p.compacted_to, t.cleanup
       FROM topics t JOIN partitions p ON p.topic = t.id ORDER BY p.id`,
    );
  }

  /** Another number after each commit of anyone. */
  version(): number {
    return Number(this.#version.get()?.[0]);
  }

  /** Runs `work`, whose reads all see one state of the log. Checkpoints wait for it: it is to be short. */
  atOnce<T>(work: () => T): T {
    return translated(this.#path, () => {
      this.#database.exec('BEGIN');
      try {
        return work();
      } finally {
        this.#database.exec('COMMIT');
      }
    });
  }

  partitions(): readonly SourcePartition[] {
    return translated(this.#path, () => this.#partitions.all()).map((row) => {
      const [id, topic, partition, start, end, newest, compactedTo, cleanup] = row;
      const { tombstoneRetentionMs } = JSON.parse(String(cleanup)) as { tombstoneRetentionMs?: number };
      return {
        id: id as number,
        topic: topic as string,
        partition: partition as number,
        start: start as number,
        end: end as number,
        newest: newest as number | null,
        compactedTo: compactedTo as number,
        tombstoneRetentionMs,
      };
    });
  }

  /**
   * The batches with records from `from` on, at most `limit`. The first is cut at `from` where the cleaner has merged it
   * with earlier ones, so that no record is in two answers. FatalError MR_LOG_CORRUPT.
   */
  rows(partition: TopicPartition & { readonly id: number }, from: number, limit: number): StoredRow[] {
    return translated(this.#path, () => {
      const rows = this.#query(partition.id).all(from, limit).map(toRow);
      return rows
        .filter(({ nextOffset }) => nextOffset > from)
        .flatMap((row) => (row.baseOffset < from ? cut(partition, row, from) : [row]));
    });
  }

  /** Whether the partition is still there: a deleted topic's records go in steps. */
  has(partitionId: number): boolean {
    return this.#exists.get(partitionId) !== undefined;
  }

  #query(id: number): Query {
    let query = this.#rows.get(id);
    if (query === undefined) {
      const table = recordsTable(id);
      query = this.#statements.query(
        `SELECT base_offset, next_offset, newest, batch FROM ${table} WHERE base_offset >= coalesce(
           (SELECT max(base_offset) FROM ${table} WHERE base_offset <= ?1), 0) ORDER BY base_offset LIMIT ?2`,
      );
      this.#rows.set(id, query);
    }
    return query;
  }

  table(name: StateTable): readonly StateRow[] {
    const columns = STATE_TABLES[name].join(', ');
    return translated(this.#path, () =>
      this.#statements.query(`SELECT ${columns} FROM ${name} ORDER BY 1`).all(),
    ) as StateRow[];
  }

  /** The batch with its records decoded, which checks it. FatalError MR_LOG_CORRUPT. */
  decode(at: TopicPartition, { baseOffset, batch }: StoredRow): StoredBatch {
    return decoded(at, baseOffset, batch);
  }

  close(): void {
    this.#database.close();
  }
}

function toRow([baseOffset, nextOffset, newest, batch]: SQLOutputValue[]): StoredRow {
  return {
    baseOffset: baseOffset as number,
    nextOffset: nextOffset as number,
    newest: newest as number,
    batch: batch as Uint8Array,
  };
}

export function decoded(at: TopicPartition, base: number, stored: Uint8Array, from = base): StoredBatch {
  const where = () => `${at.topic}/${at.partition} offset ${base}`;
  return new StoredBatch(at.topic, at.partition, base, unpack(stored, where), from);
}

/** What of a batch is at `from` or after it; none where compaction has left nothing of that. */
export function cut(at: TopicPartition, row: StoredRow, from: number): readonly StoredRow[] {
  const batch = decoded(at, row.baseOffset, row.batch, from);
  if (batch.count === 0) return [];
  const records = Array.from({ length: batch.count }, (_, i) => batch.record(i));
  const span = row.nextOffset - from;
  const offsets = records.length === span ? undefined : records.map((_, i) => batch.offset(i) - from);
  const { bytes, maxTimestamp } = encodeBatch(records, offsets, span);
  return [{ baseOffset: from, nextOffset: row.nextOffset, newest: maxTimestamp, batch: bytes }];
}
