import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite';
import { errorCode, integrityProblem, makePrivateDirectory } from '#platform';
import type { VaultRecord } from '#schemas';
import { translated, unusable } from './sqlite-errors.ts';

/** The key of the record that holds what users are looked up by. No handle of a user is that short. */
export const LOOKUP_RECORD = 'lookup-key';
const VIEW_FILE_NAME = 'pseudonyms-view.sqlite';
const applicationId = 0x4d525057; // 'MRPW'
const VERSION = 1;
const PATIENCE_MS = 5_000;
/** No master key has this name. */
const NO_KEY = '-';
/** 16 bytes as base64url. */
const HANDLE_TEXT = /^[\w-]{22}$/;

/** A record of the topic; `unreadable` where it can't be decoded: its user must not get another name. */
export type VaultChange = {
  readonly key: string;
  readonly offset: number;
  readonly value: VaultRecord | null | 'unreadable';
};

export type SealedKey = { readonly offset: number; readonly masterKey: string; readonly sealed: Uint8Array };
export type SealedRow = SealedKey & { readonly handle: string };

export function removeView(directory: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(join(directory, `${VIEW_FILE_NAME}${suffix}`), { force: true });
  }
}

/** What SQLite finds wrong with the file; undefined where it finds nothing, and where there is none. */
export function viewProblem(directory: string): string | undefined {
  const path = join(directory, VIEW_FILE_NAME);
  return existsSync(path) ? integrityProblem(path) : undefined;
}

/**
 * Topic `vault` as a table, by handle, with the offset up to which it was read: it can be removed at any time. Any number of
 * processes of a data directory have it open and apply what they read; what another one has applied is passed over.
 * Values stay sealed.
 */
export class VaultView {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #queries;

  private constructor(path: string, database: DatabaseSync) {
    this.path = path;
    this.#database = database;
    this.#queries = queries(database);
  }

  /** Made where it is missing. Errors: ConfigurationError MR_PRIVACY_VAULT_UNUSABLE, RetryableError MR_PRIVACY_VAULT_BUSY. */
  static open(directory: string): VaultView {
    const path = join(directory, VIEW_FILE_NAME);
    return translated(path, () => {
      makePrivateDirectory(directory);
      makePrivate(path);
      const database = new DatabaseSync(path, { timeout: PATIENCE_MS });
      try {
        // What a crash of the machine takes away is read again: the position is lost with it.
        database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON');
        database.exec('BEGIN IMMEDIATE');
        prepare(database, path);
        database.exec('COMMIT');
        return new VaultView(path, database);
      } catch (error) {
        database.close();
        throw error;
      }
    });
  }

  /** The offset to read on from. */
  get position(): number {
    return this.#state('position');
  }

  /** When anything was last read, ms since the epoch. */
  get readAt(): number {
    return this.#state('read_at');
  }

  /** Users who were forgotten, and how many of them are known to be in no file any more. */
  get forgotten(): { readonly count: number; readonly scrubbed: number } {
    return { count: this.#state('forgotten'), scrubbed: this.#state('scrubbed') };
  }

  /** Differs after another process has written. */
  get dataVersion(): number {
    return Number(translated(this.path, () => this.#queries.dataVersion.get()?.[0]));
  }

  /** The key that users are looked up by; undefined while there is none. */
  get lookup(): SealedKey | undefined {
    return this.#sealed(LOOKUP_RECORD);
  }

  get hasUsers(): boolean {
    return translated(this.path, () => this.#queries.page.get('', NO_KEY, 1)) !== undefined;
  }

  find(handle: string): SealedKey | undefined {
    return this.#sealed(handle);
  }

  /** Rows of users in the order of handles; those that are not sealed under `except`. */
  page(after: string, limit: number, except = NO_KEY): readonly SealedRow[] {
    const rows = translated(this.path, () => this.#queries.page.all(after, except, limit));
    return rows.map(([handle, ...row]) => ({ handle: handle as string, ...sealedKey(row) }));
  }

  /**
   * Takes what was read from `from` up to `next`, and what of it is newer than what is there; returns how many users were
   * forgotten by it. Where the view is not as far as `from`, its position stays.
   */
  apply(
    changes: readonly VaultChange[],
    range: { readonly from: number; readonly next: number },
    now: number,
  ) {
    return this.#transaction(() => {
      const before = this.#state('position');
      let forgotten = 0;
      const isContinued = range.from <= before;
      for (const { key, offset, value } of changes) {
        if (isContinued && offset < before) continue;
        if (key !== LOOKUP_RECORD && !HANDLE_TEXT.test(key)) continue;
        if (value === null) forgotten += Number(this.#queries.remove.run(key, offset).changes);
        else if (value === 'unreadable') this.#queries.put.run(key, offset, '', Buffer.alloc(0));
        else this.#queries.put.run(key, offset, value.master_key, value.sealed);
      }
      const position = isContinued ? Math.max(before, range.next) : before;
      this.#queries.advance.run(position, now, forgotten);
      return forgotten;
    });
  }

  /** Removes rows that come from no record. */
  drop(handles: Iterable<string>): void {
    this.#transaction(() => {
      for (const handle of handles) this.#queries.remove.run(handle, Number.MAX_SAFE_INTEGER);
    });
  }

  /** Forgets everything that was read. */
  reset(): void {
    this.#transaction(() =>
      this.#database.exec('DELETE FROM vault; UPDATE view SET position = 0, read_at = 0'),
    );
  }

  /** The file has zeros where rows were (secure_delete); this cuts off the write-ahead log. False: another process reads it. */
  truncateLog(): boolean {
    return translated(this.path, () => this.#queries.checkpoint.get()?.[0] === 0);
  }

  setScrubbed(count: number): void {
    translated(this.path, () => this.#queries.setScrubbed.run(count));
  }

  get isOpen(): boolean {
    return this.#database.isOpen;
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #sealed(key: string): SealedKey | undefined {
    const row = translated(this.path, () => this.#queries.find.get(key));
    return row && sealedKey(row);
  }

  #state(column: 'position' | 'read_at' | 'forgotten' | 'scrubbed'): number {
    return Number(translated(this.path, () => this.#queries[column].get()?.[0]));
  }

  #transaction<T>(work: () => T): T {
    return translated(this.path, () => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        this.#database.exec('COMMIT');
        return result;
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }
}

function sealedKey([offset, masterKey, sealed]: readonly unknown[]): SealedKey {
  return { offset: offset as number, masterKey: masterKey as string, sealed: sealed as Uint8Array };
}

/**
 * Creates the file for its owner alone; SQLite copies its mode to the files beside it. An existing file is not even
 * opened: closing it again would drop the locks of every connection that this process has to it.
 */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

function prepare(database: DatabaseSync, path: string): void {
  const number = (pragma: string) =>
    Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
  if (number('application_id') === applicationId && number('user_version') === VERSION) return;
  const objects = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n);
  if (number('application_id') !== 0 || objects > 0) throw unusable(`${path} is no view of a vault`);
  database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${VERSION};
    CREATE TABLE view (
      id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL DEFAULT 0, read_at INTEGER NOT NULL DEFAULT 0,
      forgotten INTEGER NOT NULL DEFAULT 0, scrubbed INTEGER NOT NULL DEFAULT 0);
    INSERT INTO view (id) VALUES (1);
    CREATE TABLE vault (
      key TEXT PRIMARY KEY, offset INTEGER NOT NULL, master_key TEXT NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID`);
}

type Query = {
  run(...values: SQLInputValue[]): { changes: number | bigint };
  get(...values: SQLInputValue[]): SQLOutputValue[] | undefined;
  all(...values: SQLInputValue[]): SQLOutputValue[][];
};

const queries = (database: DatabaseSync) => {
  const query = (sql: string): Query => {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    return statement as unknown as Query;
  };
  return {
    dataVersion: query('PRAGMA data_version'),
    checkpoint: query('PRAGMA wal_checkpoint(TRUNCATE)'),
    position: query('SELECT position FROM view'),
    read_at: query('SELECT read_at FROM view'),
    forgotten: query('SELECT forgotten FROM view'),
    scrubbed: query('SELECT scrubbed FROM view'),
    find: query('SELECT offset, master_key, sealed FROM vault WHERE key = ?'),
    page: query(
      `SELECT key, offset, master_key, sealed FROM vault
       WHERE key > ? AND key <> '${LOOKUP_RECORD}' AND master_key <> ? ORDER BY key LIMIT ?`,
    ),
    put: query(
      `INSERT INTO vault (key, offset, master_key, sealed) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET offset = excluded.offset, master_key = excluded.master_key, sealed = excluded.sealed
       WHERE excluded.offset >= offset`,
    ),
    remove: query('DELETE FROM vault WHERE key = ? AND offset < ?'),
    advance: query('UPDATE view SET position = ?, read_at = ?, forgotten = forgotten + ?'),
    setScrubbed: query('UPDATE view SET scrubbed = max(scrubbed, ?)'),
  };
};
