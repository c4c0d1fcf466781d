import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '#platform';
import { BUSY, sqliteCode } from './database.ts';

/** Told while and after a lock was held too long; `holder` is the pid, undefined when it is no process of Millrace. */
export type LockReport =
  | { readonly kind: 'held'; readonly holder: number | undefined; readonly waitedMs: number }
  | { readonly kind: 'obtained'; readonly waitedMs: number };

const REPORT_AFTER_MS = 1000;
/** How old a sign of a waiting process may be to be heeded; it is renewed at each try. */
const SIGN_FRESH_MS = 50;
/** How long at most a process holds back for another that waits, ms. */
const COURTESY_MS = 2;

/**
 * SQLite's write lock with turns. It blocks its thread, which is the process's writer thread and nobody else's.
 *
 * SQLite itself is unfair: whoever commits in a loop gets the lock again before a waiter wakes. Therefore a waiter
 * leaves a sign in the file `log.turns`, and who sees a fresh sign of another holds back for up to 2 ms. The file also
 * names the holder's pid, for the report. Both are hints: the lock itself is SQLite's and ends with its process.
 */
export class WriteLock {
  readonly #clock: Clock;
  readonly #onReport: (report: LockReport) => void;
  readonly #begin: StatementSync;
  readonly #file: number;
  readonly #id: number;
  readonly #slot = Buffer.alloc(SLOT_BYTES);
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));

  /** `id` tells this writer from all others that live: its pid, with the thread's number in the fraction. */
  constructor(
    directory: string,
    database: DatabaseSync,
    id: { readonly pid: number; readonly thread: number },
    clock: Clock,
    onReport: (report: LockReport) => void,
  ) {
    this.#clock = clock;
    this.#onReport = onReport;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#file = openSync(join(directory, 'log.turns'), constants.O_RDWR | constants.O_CREAT, 0o644);
    this.#id = id.pid + id.thread / 65536;
  }

  /** Opens a write transaction, after however long another process holds the lock. */
  acquire(): void {
    this.#giveWay();
    if (!this.#try()) this.#wait();
    this.#write(HOLDER_SLOT, this.#id);
  }

  /** To be called when the transaction has ended. */
  release(): void {
    this.#write(HOLDER_SLOT, 0);
  }

  close(): void {
    closeSync(this.#file);
  }

  #try(): boolean {
    try {
      this.#begin.run();
      return true;
    } catch (error) {
      if (sqliteCode(error) === BUSY) return false;
      throw error;
    }
  }

  #wait(): void {
    const since = this.#clock.monotonic();
    let reported = false;
    for (;;) {
      const waitedMs = this.#clock.monotonic() - since;
      if (!reported && waitedMs > REPORT_AFTER_MS) {
        reported = true;
        const { id } = this.#read(HOLDER_SLOT);
        this.#onReport({ kind: 'held', holder: id === 0 ? undefined : Math.floor(id), waitedMs });
      }
      this.#write(waiterSlot, this.#id);
      this.#sleep(waitedMs < 100 ? 0.15 : waitedMs < 1000 ? 1 : 5);
      if (this.#try()) break;
    }
    this.#write(waiterSlot, 0);
    if (reported) this.#onReport({ kind: 'obtained', waitedMs: this.#clock.monotonic() - since });
  }

  #giveWay(): void {
    if (!this.#othersWait()) return;
    const until = this.#clock.monotonic() + COURTESY_MS;
    do this.#sleep(0.1);
    while (this.#clock.monotonic() < until && this.#othersWait());
  }

  #othersWait(): boolean {
    const { id, at } = this.#read(waiterSlot);
    return id !== 0 && id !== this.#id && Math.abs(this.#clock.now() - at) < SIGN_FRESH_MS;
  }

  #sleep(ms: number): void {
    Atomics.wait(this.#sleeper, 0, 0, ms);
  }

  #read(slot: number): { id: number; at: number } {
    const read = hint(() => readSync(this.#file, this.#slot, 0, SLOT_BYTES, slot));
    if (read !== SLOT_BYTES) return { id: 0, at: 0 };
    return { id: this.#slot.readDoubleLE(0), at: this.#slot.readDoubleLE(8) };
  }

  #write(slot: number, id: number): void {
    this.#slot.writeDoubleLE(id, 0);
    this.#slot.writeDoubleLE(this.#clock.now(), 8);
    hint(() => writeSync(this.#file, this.#slot, 0, SLOT_BYTES, slot));
  }
}

/** A full or failing disk costs turns and names, which are hints; what it does to the log itself SQLite will say. */
function hint(work: () => number): number | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

const SLOT_BYTES = 16;
const HOLDER_SLOT = 0;
const waiterSlot = SLOT_BYTES;
