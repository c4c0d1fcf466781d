import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { recordsTable } from './database.ts';

/** A prepared statement whose rows are arrays: no object with names is made per row. */
export interface Query {
  run(...values: SQLInputValue[]): { changes: number | bigint };
  get(...values: SQLInputValue[]): SQLOutputValue[] | undefined;
  all(...values: SQLInputValue[]): SQLOutputValue[][];
}

/** Statements on a partition's own table. */
const partitionStatements = {
  insert: (table: string) =>
    `INSERT INTO ${table} (base_offset, next_offset, newest, batch) VALUES (?, ?, ?, ?)`,
  /** From the batch that holds an offset, or the next one: (offset, limit). */
  fetch: (table: string) => `SELECT base_offset, batch FROM ${table} WHERE base_offset >= coalesce(
    (SELECT max(base_offset) FROM ${table} WHERE base_offset <= ?1), 0) ORDER BY base_offset LIMIT ?2`,
  /** Whole rows: (base offset that they come after, limit). */
  stored: (table: string) => `SELECT base_offset, next_offset, newest, batch FROM ${table}
    WHERE base_offset > ? ORDER BY base_offset LIMIT ?`,
  /** The columns beside the batch: (base offset, limit). */
  survey: (table: string) => `SELECT base_offset, next_offset, newest, tombstones_until FROM ${table}
    WHERE base_offset >= ? ORDER BY base_offset LIMIT ?`,
  replace: (
    table: string,
  ) => `UPDATE ${table} SET next_offset = ?, newest = ?, tombstones_until = ?, batch = ?
    WHERE base_offset = ?`,
  remove: (table: string) => `DELETE FROM ${table} WHERE base_offset = ?`,
  /** (offset, limit) */
  trim: (table: string) => `DELETE FROM ${table} WHERE base_offset IN (
    SELECT base_offset FROM ${table} WHERE next_offset <= ? ORDER BY base_offset LIMIT ?)`,
  first: (table: string) => `SELECT min(base_offset) FROM ${table}`,
};

export type PartitionStatement = keyof typeof partitionStatements;

/** Prepares each statement once. */
export class Statements {
  readonly #database: DatabaseSync;
  readonly #byPartition = new Map<number, Partial<Record<PartitionStatement, Query>>>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  query(sql: string): Query {
    const statement: StatementSync = this.#database.prepare(sql);
    statement.setReturnArrays(true);
    return statement as unknown as Query;
  }

  ofPartition(name: PartitionStatement, partitionId: number): Query {
    let known = this.#byPartition.get(partitionId);
    if (known === undefined) {
      known = {};
      this.#byPartition.set(partitionId, known);
    }
    known[name] ??= this.query(partitionStatements[name](recordsTable(partitionId)));
    return known[name];
  }

  /** Statements of a table that is to be dropped must go first. */
  forgetPartition(partitionId: number): void {
    this.#byPartition.delete(partitionId);
  }
}
