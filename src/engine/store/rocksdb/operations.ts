import type RocksDB from 'rocksdb-native';
import type { WriteBatch } from 'rocksdb-native';
import type { Change } from '../port.ts';

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
export function addChanges(batch: WriteBatch, db: RocksDB, changes: readonly Change[]): void {
  const columnFamily = db.defaultColumnFamily._handle;
  const operations = batch._operations;
  for (let i = 0; i < changes.length; i++) {
    const { key, value } = changes[i] as Change;
    operations.push(new Operation(value === null ? DELETE : PUT, key, value, columnFamily));
  }
  batch._resize();
}
