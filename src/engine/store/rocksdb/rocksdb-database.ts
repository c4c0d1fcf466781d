import { existsSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type RocksDB from 'rocksdb-native';
import type { WriteBatch } from 'rocksdb-native';
import { FatalError, namingFullDisk, RetryableError } from '#platform';
import type { Change, DatabaseProvider, DatabaseReads, DatabaseSnapshot, KeyRange } from '../port.ts';
import { type PromptDatabase, writeBehind } from '../write-behind.ts';
import { noteClosing, problemSinceClosing } from './closing-note.ts';
import { ManifestBefore, WriteMarks } from './write-marks.ts';

/**
 * A MANIFEST whose last bytes are lost opens as an empty database without any error. This row is written when a
 * database is made; an existing one without it has lost its contents.
 */
const MARKER = Buffer.from([0xff, 0x6d]);
const FORMAT = Buffer.from('millrace-store-1');

/**
 * Bytes of changes in memory before they go to a file. Measured on 2 million scattered keys: with the library's 64 MiB restoring
 * takes as long and half as much memory again, and a restart after a crash up to four times as long.
 */
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;

/** Bytes of a table file's block, read and checked as a whole: a look-up that memory does not answer costs a sixth less than with 8 KiB. */
const BLOCK_BYTES = 4 * 1024;

/** Keys that one thread of the library's pool looks up; more of them go to several threads at once. */
const READ_KEYS = 512;

/** Entries read from an iterator at a time; the library's default of 8 is three times slower. */
const SCAN_CHUNK = 256;

/** How the library's native side tells operations apart. */
const PUT = 1;
const DELETE = 2;

/**
 * What the native side reads of an operation, name by name. The library's own objects give the type by a getter, for which it
 * calls JavaScript once an operation; with an ordinary property, and without their bookkeeping, restoring takes a
 * tenth less of this thread. The library's version is pinned, and the contract of databases runs over this.
 */
class Operation {
  readonly type: number;
  readonly key: Buffer;
  readonly value: Buffer | null;
  readonly columnFamily: unknown;

  constructor(type: number, key: Buffer, value: Buffer | null, columnFamily: unknown) {
    this.type = type;
    this.key = key;
    this.value = value;
    this.columnFamily = columnFamily;
  }
}

/** Adds changes to a batch of `db`, in their order. */
function addChanges(batch: WriteBatch, db: RocksDB, changes: readonly Change[]): void {
  const columnFamily = db.defaultColumnFamily._handle;
  const operations = batch._operations;
  for (let i = 0; i < changes.length; i++) {
    const { key, value } = changes[i] as Change;
    operations.push(new Operation(value === null ? DELETE : PUT, key, value, columnFamily));
  }
  batch._resize();
}

class RocksReads implements DatabaseReads {
  readonly #db: RocksDB;

  constructor(db: RocksDB) {
    this.#db = db;
  }

  async getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | null)[]> {
    if (keys.length <= READ_KEYS) return this.#read(keys);
    const parts: Promise<readonly (Buffer | null)[]>[] = [];
    for (let from = 0; from < keys.length; from += READ_KEYS)
      parts.push(this.#read(keys.slice(from, from + READ_KEYS)));
    return (await Promise.all(parts)).flat();
  }

  async #read(keys: readonly Buffer[]): Promise<readonly (Buffer | null)[]> {
    if (keys.length === 0) return [];
    const batch = this.#db.read({ capacity: keys.length, autoDestroy: true });
    const values = keys.map((key) => batch.get(key));
    batch.tryFlush();
    try {
      return await Promise.all(values);
    } catch (error) {
      throw corrupt(error);
    }
  }

  async *scan(range: KeyRange): AsyncGenerator<readonly Change[]> {
    let chunk: Change[] = [];
    const entries = this.#db.iterator(range, { capacity: SCAN_CHUNK })[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await entries.next().catch((error: unknown) => {
          throw corrupt(error);
        });
        if (next.done === true) break;
        chunk.push(next.value);
        if (chunk.length < SCAN_CHUNK) continue;
        yield chunk;
        chunk = [];
      }
      if (chunk.length > 0) yield chunk;
    } finally {
      await entries.return?.();
    }
  }
}

class RocksDatabase extends RocksReads implements PromptDatabase {
  readonly #path: string;
  readonly #db: RocksDB;
  readonly #marks: WriteMarks;

  constructor(path: string, db: RocksDB, marks: WriteMarks) {
    super(db);
    this.#path = path;
    this.#db = db;
    this.#marks = marks;
  }

  /** To be called first. Errors: MR_STORE_CORRUPT if it is not what was written last; `before`: its MANIFEST until now. */
  async check(isNew: boolean, before: ManifestBefore | undefined): Promise<void> {
    if (isNew) await this.write([{ key: MARKER, value: FORMAT }]);
    const [marker] = await this.getMany([MARKER]);
    if (!marker?.equals(FORMAT)) throw corrupt(new Error(`${this.#path} opened without its marker row`));
    const lost = this.#marks.check(await this.getMany(this.#marks.keys), before?.measured);
    if (lost !== undefined) throw corrupt(new Error(`${this.#path} opened as an older database: ${lost}`));
  }

  async write(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    const batch = this.#db.write({ capacity: changes.length + 1, autoDestroy: true });
    addChanges(batch, this.#db, changes);
    addChanges(batch, this.#db, [this.#marks.next()]);
    await this.#flush(batch);
    this.#marks.written();
  }

  snapshot(): DatabaseSnapshot {
    const session = this.#db.snapshot();
    const reads = new RocksReads(session);
    return {
      getMany: (keys) => reads.getMany(keys),
      scan: (range) => reads.scan(range),
      close: () => session.close(),
    };
  }

  async deleteRange(range: KeyRange): Promise<void> {
    const batch = this.#db.write({ capacity: 1, autoDestroy: true });
    batch.tryDeleteRange(range.gte, range.lt);
    await this.#flush(batch);
  }

  async #flush(batch: WriteBatch): Promise<void> {
    await batch.flush().catch((error: unknown) => {
      throw namingFullDisk(error, this.#path);
    });
  }

  /**
   * Flushed first: what is in the write-ahead log alone is inserted again, entry by entry, by the next opening. Where that
   * fails, it is just what the next opening does. The note comes before the lock is released: a successor may be waiting.
   */
  async close(): Promise<void> {
    await this.#db.flush().catch(() => {});
    noteClosing(this.#path);
    await this.#db.close();
  }
}

/** One RocksDB a task, each in a directory of its own below `directory`, and written late (see write-behind.ts). */
export function rocksDatabases(directory: string): DatabaseProvider {
  const pathOf = (name: string) => join(directory, name);
  return writeBehind({
    open: async (name) => {
      const path = pathOf(name);
      const problem = problemSinceClosing(path);
      if (problem !== undefined) throw corrupt(new Error(problem));
      const isNew = !existsSync(join(path, 'CURRENT'));
      const before = ManifestBefore.open(path);
      try {
        const db = await openLocked(path);
        const database = new RocksDatabase(path, db, new WriteMarks(path));
        try {
          await database.check(isNew, before);
          return database;
        } catch (error) {
          // Left open it would be locked for whoever opens it next.
          await database.close();
          throw error;
        }
      } finally {
        before?.close();
      }
    },
    destroy: (name) => rm(pathOf(name), { recursive: true, force: true }),
  });
}

/** Holds RocksDB's lock from then on. */
async function openLocked(path: string): Promise<RocksDB> {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw namingFullDisk(error, path);
  }
  // Loaded at its first use: most commands and threads open no store.
  const { default: Database } = await import('rocksdb-native');
  const db = new Database(path, { writeBufferSize: WRITE_BUFFER_BYTES, tableBlockSize: BLOCK_BYTES });
  await db.ready().catch((error: unknown) => {
    throw isLocked(error) ? locked(path, error) : openingError(path, error);
  });
  return db;
}

function isLocked(error: unknown): boolean {
  return /lock hold by current process|While lock file/.test(String(error));
}

function locked(path: string, cause: unknown): RetryableError {
  return new RetryableError('MR_STORE_LOCKED', `the store ${path} is open in another process or task`, {
    hint: 'wait until its owner closes it, or stop the other process',
    cause,
  });
}

/** On a full disk nothing is lost, and nothing has to be rebuilt. */
function openingError(path: string, error: unknown): unknown {
  const named = namingFullDisk(error, path);
  return named === error ? corrupt(error) : named;
}

function corrupt(cause: unknown): FatalError {
  return new FatalError('MR_STORE_CORRUPT', `a store can't be read: ${String(cause)}`, {
    hint: 'it is rebuilt from its changelog when the task restarts',
    cause,
  });
}
