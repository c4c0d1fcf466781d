import { recordsTable } from './database.ts';
import type { WriteRequest } from './messages.ts';
import type { Query, Statements } from './statements.ts';

type Of<K extends WriteRequest['kind']> = WriteRequest & { readonly kind: K };

/** Batches removed in one step: some ms under the lock. */
const STEP_BATCHES = 128;

/** The writes of the cleaner, each a bounded step. */
export class CleaningWrites {
  readonly #statements: Statements;
  readonly #lease: Query;
  readonly #holder: Query;
  readonly #dropped: Query;
  readonly #forgetDropped: Query;
  readonly #exists: Query;
  readonly #setStart: Query;
  readonly #setCompacted: Query;

  constructor(statements: Statements) {
    this.#statements = statements;
    this.#lease = statements.query(
      `INSERT INTO cleaner VALUES (1, ?1, ?3) ON CONFLICT DO UPDATE SET token = ?1, until = ?3
       WHERE token = ?1 OR until <= ?2 OR until > ?3 RETURNING token`,
    );
    this.#holder = statements.query('SELECT token FROM cleaner');
    this.#dropped = statements.query('SELECT id FROM dropped_partitions WHERE emptied = 0 LIMIT 1');
    this.#forgetDropped = statements.query('UPDATE dropped_partitions SET emptied = 1 WHERE id = ?');
    this.#exists = statements.query('SELECT 1 FROM partitions WHERE id = ?');
    this.#setStart = statements.query(
      'UPDATE partitions SET start_offset = coalesce(?, end_offset) WHERE id = ?',
    );
    this.#setCompacted = statements.query(
      'UPDATE partitions SET compacted_to = ?, compacted_records = ?, tombstones_due = ? WHERE id = ?',
    );
  }

  /** A lease that ends later than the requested one was granted before the clock was set back. */
  lease({ token, now, until }: Of<'lease-cleaner'>): boolean {
    return this.#lease.get(token, now, until) !== undefined;
  }

  purge(): number {
    const id = this.#dropped.get()?.[0];
    if (typeof id !== 'number') return 0;
    const removed = Number(
      this.#statements.ofPartition('trim', id).run(Number.MAX_SAFE_INTEGER, STEP_BATCHES).changes,
    );
    if (removed > 0) return removed;
    this.#statements.forgetPartition(id);
    this.#statements.exec(`DROP TABLE ${recordsTable(id)}`);
    this.#forgetDropped.run(id);
    return 1;
  }

  trim({ partitionId, offset }: Of<'trim'>): number {
    if (this.#exists.get(partitionId) === undefined) return 0;
    const { changes } = this.#statements.ofPartition('trim', partitionId).run(offset, STEP_BATCHES);
    const first = this.#statements.ofPartition('first', partitionId).get()?.[0] ?? null;
    this.#setStart.run(first, partitionId);
    return Number(changes);
  }

  rewrite({ token, partitionId, rewrites, mark }: Of<'rewrite'>): boolean {
    if (this.#holder.get()?.[0] !== token || this.#exists.get(partitionId) === undefined) return false;
    const replace = this.#statements.ofPartition('replace', partitionId);
    const remove = this.#statements.ofPartition('remove', partitionId);
    for (const { baseOffset, nextOffset, newest, tombstonesUntil, batch } of rewrites) {
      if (batch === null) remove.run(baseOffset);
      else replace.run(nextOffset, newest, tombstonesUntil, batch, baseOffset);
    }
    if (mark !== undefined) {
      this.#setCompacted.run(mark.compactedTo, mark.records, mark.tombstonesDue, partitionId);
    }
    return true;
  }
}
