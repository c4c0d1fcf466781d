/** One change of a batch; a null value deletes the key. */
export type Change = { readonly key: Buffer; readonly value: Buffer | null };

/** Keys from `gte` up to, not including, `lt`, in bytewise order. */
export type KeyRange = { readonly gte: Buffer; readonly lt: Buffer };

/** Reading of a database; `scan` gives entries of a range in key order, a chunk at a time. */
export interface DatabaseReads {
  /** Values in the order of the keys; null where there is none. */
  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | null)[]>;
  scan(range: KeyRange): AsyncIterable<readonly Change[]>;
}

/** What a database held at one instant, whatever has been written since. The database waits for it to be closed. */
export interface DatabaseSnapshot extends DatabaseReads {
  close(): Promise<void>;
}

/**
 * What one commit has changed in a store whose owner keeps the changed keys in memory for as long as the changes are
 * held: reads of one key need not see them until they are written.
 */
export interface HeldChanges {
  /** Bytes of all values. */
  readonly byteLength: number;
  /** The database holds them, to write them later. Returns how many keys no earlier commit was holding. */
  hold(): number;
  /** Those that no later commit has replaced, to be written now. */
  seal(): Change[];
  /** The database has them; their bytes may hold something else from now on. */
  written(): void;
}

export type WriteManner = {
  /** Written together with the changes: all of them or none. */
  readonly held?: readonly HeldChanges[];
  /**
   * Many changes, whose keys are not about to be changed again, so that gathering them would not pay. The write before them
   * is in the database when it resolves; their own bytes must stay as they are until the next one has.
   */
  readonly inBulk?: boolean;
};

/**
 * A task's database: bytes ordered by key, one owner. It is disposable, since a changelog can rebuild it, so what
 * survives the process, or a power loss, is what some write has left, whole, and not always the last one. `close` makes
 * it the last.
 */
export interface Database extends DatabaseReads {
  /** All of the changes or none. Their bytes are the caller's again when it resolves. */
  write(changes: readonly Change[], manner?: WriteManner): Promise<void>;
  /** A snapshot of this instant: it holds a concurrent write wholly or not at all. */
  snapshot(): DatabaseSnapshot;
  deleteRange(range: KeyRange): Promise<void>;
  close(): Promise<void>;
}

/** Opens and destroys the databases of tasks, by a name that is a valid directory name. */
export interface DatabaseProvider {
  /** Errors: MR_STORE_LOCKED (another process has it), MR_STORE_CORRUPT (destroy it and restore). */
  open(name: string): Promise<Database>;
  destroy(name: string): Promise<void>;
}
