import { assertRecordBytes } from '#log';
import { FatalError, InputError, RetryableError } from '#platform';
import { decodeLoading, encodingInto, type Serde } from '../serde.ts';
import { prefixedKey, prefixRange, storePrefix } from './database-keys.ts';
import { DIGEST_KIND, type EntryHash, entryHash, textEntryHash } from './digest.ts';
import type { Change, Database, KeyRange } from './port.ts';
import { isStamped } from './stamped-serde.ts';

/** How the entries of one store lie in its task's database and in its changelog, and how they count in its digest. */
export class StoredValues<V> {
  /** What the database keys of the store begin with. */
  readonly prefix: Buffer;
  /** Whether values are written with the times of their changes. */
  readonly isStamped: boolean;
  readonly #store: string;
  readonly #serde: Serde<V>;
  readonly #writeInto: (value: V, timestamp: number, target: Buffer, at: number) => number;

  constructor(store: string, serde: Serde<V>) {
    this.prefix = storePrefix(store);
    this.#store = store;
    this.#serde = serde;
    this.isStamped = isStamped(serde);
    const encodeInto = encodingInto(serde);
    this.#writeInto = isStamped(serde)
      ? serde.stampInto
      : (value, _, target, at) => encodeInto(value, target, at);
  }

  /** Hexadecimal: how the digest is made, and the fingerprint of the schema that it is made with. */
  get fingerprint(): string {
    return DIGEST_KIND + this.#serde.fingerprint.toString('hex');
  }

  keyOf(key: string): Buffer {
    return prefixedKey(this.prefix, key);
  }

  textOf(key: Buffer): string {
    return key.toString('utf8', this.prefix.length);
  }

  /** The key range of all entries, or of those whose key begins with `prefix`. */
  range(prefix = ''): KeyRange {
    return prefixRange(this.keyOf(prefix));
  }

  scan(database: Database, prefix?: string): AsyncIterable<readonly Change[]> {
    return database.scan(this.range(prefix));
  }

  /** All entries of a database. Errors: MR_STORE_CORRUPT. */
  async *entries(database: Database): AsyncGenerator<readonly [key: string, value: V]> {
    for await (const chunk of this.scan(database)) {
      for (const { key, value } of chunk) {
        const text = this.textOf(key);
        yield [text, await this.decode(text, value as Buffer)];
      }
    }
  }

  /** As `Serde.encodeInto`. Errors: those of encoding, MR_RECORD_TOO_LARGE. */
  encodeInto(key: string, value: V, timestamp: number, target: Buffer, at: number): number {
    const end = this.#writeInto(value, timestamp, target, at);
    if (end >= 0) assertRecordBytes(key, end - at);
    return end;
  }

  /** Fails where an entry can't be written. */
  assertWritable(key: string, value: V | undefined, timestamp: number): void {
    this.assertTimestamp(timestamp);
    if (value !== undefined) assertRecordBytes(key, this.#serde.encode(value).length);
  }

  assertTimestamp(timestamp: number): void {
    if (Number.isFinite(timestamp)) return;
    throw new InputError(
      'MR_RECORD_TIMESTAMP',
      `store ${this.#store} was written with the time ${timestamp}`,
    );
  }

  /** Errors: MR_STORE_CORRUPT. */
  async decode(key: string, bytes: Buffer): Promise<V> {
    try {
      return await decodeLoading(this.#serde, bytes);
    } catch (cause) {
      if (cause instanceof RetryableError) throw cause;
      const hint = 'it is rebuilt from its changelog';
      const message = `store ${this.#store} holds an unreadable value at ${key}`;
      throw new FatalError('MR_STORE_CORRUPT', message, { hint, cause });
    }
  }

  /** A value that this process has written. */
  decodeOwn(bytes: Buffer): V {
    return this.#serde.decode(bytes);
  }

  /** A value written elsewhere, as this store would write it. Errors: those of decoding. */
  async reencode(bytes: Buffer): Promise<Buffer> {
    return this.#serde.encode(await decodeLoading(this.#serde, bytes));
  }

  /** The time that a value was written with; 0 where it has none. */
  timestampOf(bytes: Buffer): number {
    return isStamped(this.#serde) ? this.#serde.timestampOf(bytes) : 0;
  }

  /** The hash of an entry of the database. */
  hash(databaseKey: Buffer, value: Buffer): EntryHash {
    const { fingerprint, framing } = this.#serde;
    return entryHash(databaseKey, value, fingerprint, framing, this.prefix.length);
  }

  /** As `hash`, of a value that lies from `start` up to `end` among others; written to `into`. */
  hashAt(key: string, bytes: Buffer, start: number, end: number, into: EntryHash | undefined): EntryHash {
    const { fingerprint, framing } = this.#serde;
    return textEntryHash(key, bytes, start + framing, end, fingerprint, into);
  }
}
