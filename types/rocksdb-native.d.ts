/** rocksdb-native 3.18 ships no types; these are the calls that store/rocksdb uses. */
declare module 'rocksdb-native' {
  export type BatchOptions = { capacity?: number; autoDestroy?: boolean };
  export type Range = { gte?: Buffer; lt?: Buffer };

  export interface ReadBatch {
    get(key: Buffer): Promise<Buffer | null>;
    tryFlush(): void;
  }

  export interface WriteBatch {
    tryDeleteRange(start: Buffer, end: Buffer): void;
    flush(): Promise<void>;
    /** Inside of the library, see store/rocksdb/operations.ts. */
    readonly _operations: object[];
    /** Makes room for the operations. */
    _resize(): void;
  }

  export default class RocksDB {
    constructor(path: string, options?: { writeBufferSize?: number; tableBlockSize?: number });
    ready(): Promise<void>;
    /** Writes what is in memory to files of the tree. */
    flush(): Promise<void>;
    close(): Promise<void>;
    read(options: BatchOptions): ReadBatch;
    write(options: BatchOptions): WriteBatch;
    iterator(range: Range, options: { capacity: number }): AsyncIterable<{ key: Buffer; value: Buffer }>;
    get(key: Buffer): Promise<Buffer | null>;
    readonly defaultColumnFamily: { readonly _handle: unknown };
    /** A session that reads what the database holds now; once open, taken at once. */
    snapshot(): RocksDB;
  }
}
