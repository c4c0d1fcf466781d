import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConfigurationError, diskFull, FatalError, MillraceError, RetryableError } from '#platform';

/**
 * The file `log.sqlite`: its tables, its settings, and what SQLite's errors mean. Each partition has a table of its
 * own, `records_<partition id>`, whose rowid is the batch's base offset: appends go to the right edge of its tree,
 * and a reader walks neighbouring pages.
 */
const applicationId = 0x4d524c47; // 'MRLG'
/** 2: batches may be packed; 3: packed ones have a checksum (packed-batch.ts). An older log gets the number when it is opened. */
const FORMAT_VERSION = 3;
const OLDEST_VERSION = 1;

const TABLES = `
  CREATE TABLE topics (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL, cleanup TEXT NOT NULL);
  CREATE TABLE partitions (
    id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, partition INTEGER NOT NULL,
    start_offset INTEGER NOT NULL DEFAULT 0, end_offset INTEGER NOT NULL DEFAULT 0, newest REAL,
    compacted_to INTEGER NOT NULL DEFAULT 0, compacted_records INTEGER NOT NULL DEFAULT 0,
    tombstones_due REAL, UNIQUE (topic, partition));
  CREATE TABLE producers (transactional_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE consumer_groups (name TEXT PRIMARY KEY, revision INTEGER NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE group_offsets (
    consumer_group TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
    metadata TEXT, PRIMARY KEY (consumer_group, topic, partition)) WITHOUT ROWID;
  CREATE TABLE schemas (id INTEGER PRIMARY KEY, canonical TEXT NOT NULL UNIQUE, schema TEXT NOT NULL);
  CREATE TABLE subjects (
    subject TEXT NOT NULL, version INTEGER NOT NULL, schema INTEGER NOT NULL,
    PRIMARY KEY (subject, version)) WITHOUT ROWID;
  CREATE TABLE dropped_partitions (id INTEGER PRIMARY KEY, emptied INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE cleaner (id INTEGER PRIMARY KEY CHECK (id = 1), token TEXT NOT NULL, until REAL NOT NULL);
`;

export const recordsTable = (partitionId: number) => `records_${partitionId}`;

export const createRecordsTable = (partitionId: number) => `
  CREATE TABLE ${recordsTable(partitionId)} (
    base_offset INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL, newest REAL NOT NULL, tombstones_until REAL,
    batch BLOB NOT NULL)`;

export type Synchronous = 'full' | 'normal';

/** How long opening waits for another process that is setting up or recovering the file, ms. */
const OPEN_TIMEOUT_MS = 10_000;

/** The connection that writes; makes the file where there is none. Blocks its thread while another sets it up. */
export function openForWriting(directory: string, synchronous: Synchronous): DatabaseSync {
  const path = join(directory, 'log.sqlite');
  return translated(path, () => {
    const database = new DatabaseSync(path, { timeout: OPEN_TIMEOUT_MS });
    try {
      const version = checkFormat(database, path);
      if (version === 0) create(database, path);
      else if (version < FORMAT_VERSION) database.exec(`PRAGMA user_version = ${FORMAT_VERSION}`);
      database.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384;
        PRAGMA busy_timeout = 0`);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** A connection that only reads, for one thread; the file exists. */
export function openForReading(directory: string): DatabaseSync {
  const path = join(directory, 'log.sqlite');
  return translated(path, () => {
    const database = new DatabaseSync(path, { readOnly: true, timeout: OPEN_TIMEOUT_MS });
    try {
      checkFormat(database, path);
    } catch (error) {
      database.close();
      throw error;
    }
    // Mapping the file makes reads a fifth faster; only writers change it, and scrub.ts alone shortens it.
    database.exec('PRAGMA cache_size = -16384; PRAGMA mmap_size = 268435456');
    return database;
  });
}

function create(database: DatabaseSync, path: string): void {
  database.exec('PRAGMA page_size = 8192');
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('BEGIN IMMEDIATE');
  // Another process may have been quicker.
  if (checkFormat(database, path) === 0) {
    database.exec(
      `${TABLES}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${FORMAT_VERSION}`,
    );
  }
  database.exec('COMMIT');
}

/** 0 for an empty file. */
function checkFormat(database: DatabaseSync, path: string): number {
  const pragma = (name: string) => Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
  const application = pragma('application_id');
  const version = pragma('user_version');
  const objects = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n);
  if (application === 0 && version === 0 && objects === 0) return 0;
  if (application !== applicationId) {
    throw new ConfigurationError('MR_LOG_NOT_A_LOG', `${path} is a database of another program`, {
      hint: 'give Millrace a data directory of its own',
    });
  }
  if (!(version >= OLDEST_VERSION && version <= FORMAT_VERSION)) {
    throw new ConfigurationError(
      'MR_LOG_NEWER_FORMAT',
      `${path} has format ${version}, this version knows ${FORMAT_VERSION}`,
      {
        hint: 'the log was written by a newer version of Millrace: use that one',
      },
    );
  }
  return version;
}

/** SQLite's result code, without its extension; undefined for other errors. */
export function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

export const BUSY = 5;

/** What an error of SQLite means to the caller; other errors stay as they are. */
export function translateSqliteError(path: string, error: unknown): unknown {
  if (error instanceof MillraceError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  switch (sqliteCode(error)) {
    case BUSY:
      return new RetryableError('MR_LOG_BUSY', `${path} is locked by another process`, {
        hint: 'another process has held it for long, or is stopped: end it, or try again',
        cause: error,
      });
    case 13: // FULL
      return diskFull(dirname(path), error);
    case 10: // IOERR
      return new RetryableError('MR_LOG_WRITE_FAILED', `${path}: ${reason}`, {
        hint: 'free disk space or repair the disk; nothing of this call was written',
        cause: error,
      });
    case 8: // READONLY
    case 14: // CANTOPEN
      return new ConfigurationError('MR_LOG_CANT_OPEN', `${path} can't be opened: ${reason}`, {
        hint: 'check that the directory exists and may be written by this user',
        cause: error,
      });
    case 11: // CORRUPT
      return new FatalError('MR_LOG_CORRUPT', `${path} is damaged: ${reason}`, {
        hint: 'restore the log from a backup or the archive',
        cause: error,
      });
    case 26: // NOTADB
      return new ConfigurationError('MR_LOG_NOT_A_LOG', `${path} is no log of Millrace: ${reason}`, {
        hint: 'give Millrace a data directory of its own, or restore the file from a copy',
        cause: error,
      });
    default:
      return error;
  }
}

/** A value of the file that is kept as JSON. FatalError MR_LOG_CORRUPT. */
export function storedJson<T>(text: string, what: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new FatalError('MR_LOG_CORRUPT', `log.sqlite is damaged: ${what} can't be read`, {
      hint: 'restore the log from a backup or the archive',
      cause,
    });
  }
}

/** Runs `work` with SQLite's errors translated. */
export function translated<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw translateSqliteError(path, error);
  }
}
