import { InputError } from '#platform';
import { textRoom } from './text-bytes.ts';

/** A record's key: bytes, or text that is written as UTF-8. */
export type Key = Buffer | string | null;

/** The most bytes that a key needs. */
export function keyRoom(key: Key): number {
  return key === null ? 0 : typeof key === 'string' ? textRoom(key) : key.length;
}

/** Bytes of key and value that a record may have on any log: what a reader must be able to hold in memory at once. */
export const MAX_RECORD_BYTES = 16 * 1024 * 1024;

/** Errors: MR_RECORD_TOO_LARGE. */
export function assertRecordSize(key: Key, value: Buffer | null): void {
  assertRecordBytes(key, value === null ? 0 : value.length);
}

/** As assertRecordSize, by the value's length. */
export function assertRecordBytes(key: Key, valueBytes: number): void {
  if (keyRoom(key) + valueBytes <= MAX_RECORD_BYTES) return;
  const bytes = valueBytes + (typeof key === 'string' ? Buffer.byteLength(key) : keyRoom(key));
  if (bytes > MAX_RECORD_BYTES) {
    throw new InputError(
      'MR_RECORD_TOO_LARGE',
      `a record of ${bytes} bytes is larger than the ${MAX_RECORD_BYTES} that a log accepts`,
      { hint: 'split the value, or store it elsewhere and send a reference' },
    );
  }
}
