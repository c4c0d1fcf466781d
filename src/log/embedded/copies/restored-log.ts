import type { DatabaseSync } from 'node:sqlite';
import { encodeBatch } from '../../batch.ts';
import type { ProducerRecord, TopicPartition } from '../../port.ts';
import { createRecordsTable, openForWriting, recordsTable, translated } from '../database.ts';
import { Statements } from '../statements.ts';
import type { SourcePartition, StateRow, StateTable, StoredRow } from './log-source.ts';
import { STATE_TABLES } from './log-source.ts';

export type RestoredPartition = Pick<SourcePartition, 'id' | 'start' | 'end' | 'newest'> & TopicPartition;

/**
 * A log in the making, in a directory that nobody else knows yet: batches at the offsets that they had, and the tables
 * beside them. It is not durable before `close`. What the cleaner has noted of partitions starts over, so that tombstones
 * are kept for their whole time once more.
 */
export class RestoredLog {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;

  constructor(directory: string) {
    this.#path = `${directory}/log.sqlite`;
    this.#database = openForWriting(directory, 'normal');
    this.#statements = new Statements(this.#database);
    translated(this.#path, () => this.#database.exec('PRAGMA wal_autocheckpoint = 4096; BEGIN'));
  }

  addPartitions(partitions: readonly RestoredPartition[], topics: ReadonlyMap<string, number>): void {
    translated(this.#path, () => {
      const add = this.#statements.query(
        `INSERT INTO partitions (id, topic, partition, start_offset, end_offset, newest) VALUES (?, ?, ?, ?, ?, ?)`,
      );
      for (const { id, topic, partition, start, end, newest } of partitions) {
        add.run(id, topics.get(topic) ?? null, partition, start, end, newest);
        this.#database.exec(createRecordsTable(id));
      }
    });
  }

  insert(partitionId: number, { baseOffset, nextOffset, newest, batch }: StoredRow): void {
    translated(this.#path, () =>
      this.#statements.ofPartition('insert', partitionId).run(baseOffset, nextOffset, newest, batch),
    );
  }

  /** Removes all batches of a partition: they come once more. */
  empty(partitionId: number): void {
    translated(this.#path, () => this.#database.exec(`DELETE FROM ${recordsTable(partitionId)}`));
  }

  /** What was inserted so far goes to the file, so that memory stays bounded. */
  flush(): void {
    translated(this.#path, () => this.#database.exec('COMMIT; BEGIN'));
  }

  fill(table: StateTable, rows: readonly StateRow[]): void {
    translated(this.#path, () => {
      const columns = STATE_TABLES[table];
      // The records of a dropped partition are in no backup, so that nothing of it is left to be removed.
      const [more, value] = table === 'dropped_partitions' ? [', emptied', ', 1'] : ['', ''];
      const add = this.#statements.query(
        `INSERT INTO ${table} (${columns.join(', ')}${more}) VALUES (${columns.map(() => '?').join(', ')}${value})`,
      );
      for (const row of rows) add.run(...row);
    });
  }

  /** Appends records at the partition's end. Errors: MR_LOG_INVALID_RECORD. */
  append(partitionId: number, end: number, records: readonly ProducerRecord[]): void {
    const { bytes, maxTimestamp } = encodeBatch(records);
    const nextOffset = end + records.length;
    this.insert(partitionId, { baseOffset: end, nextOffset, newest: maxTimestamp, batch: bytes });
    translated(this.#path, () =>
      this.#statements
        .query('UPDATE partitions SET end_offset = ?, newest = max(coalesce(newest, ?), ?) WHERE id = ?')
        .run(nextOffset, maxTimestamp, maxTimestamp, partitionId),
    );
  }

  /** Makes it durable. Errors: those of writing a log; RetryableError MR_DISK_FULL. */
  close(): void {
    try {
      translated(this.#path, () =>
        this.#database.exec('COMMIT; PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)'),
      );
    } finally {
      this.#database.close();
    }
  }

  /** Leaves it as it is: it is of no use to anyone. */
  abandon(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
