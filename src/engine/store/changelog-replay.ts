import { grown, larger, type ReadEntry } from '#log';
import type { Serde } from '../serde.ts';
import { type ByteStrings, isBefore, sortBytewise } from './byte-order.ts';
import { storePrefix } from './database-keys.ts';
import { type Digest, type EntryHash, entryHash } from './digest.ts';
import { murmur3, Words128 } from './murmur3.ts';
import type { Change, Database } from './port.ts';
import { keyHash, SeenKeys } from './seen-keys.ts';

/** Bytes of records sorted together: about what the database buffers before it writes a file. */
const RUN_BYTES = 16 * 1024 * 1024;
/** Records per write: many more objects would outlive the garbage collector's nursery. */
const WRITE_RECORDS = 4_000;
/** What is set aside for each record that is expected. */
const RECORD_BYTES = 128;
const SMALLEST_BYTES = 4 * 1024;
const SMALLEST_RECORDS = 64;
/** Bytes of a key's length in what is hashed. */
const LENGTH_BYTES = 4;
/** In place of where a value begins: it is none, the key is deleted. */
const DELETED = 0xffffffff;

/** The store's name in errors, its digest, and how its values are written. */
export type ReplayedStore = {
  readonly name: string;
  readonly digest: Digest;
  readonly serde: Pick<Serde<unknown>, 'fingerprint' | 'framing'>;
};

/**
 * Takes the changelog of a store into its digest and the database. Records gather as bytes, a run of them at
 * a time, and go to the database in the order of their keys, where each finds its place beside the one before: of scattered keys
 * that is a quarter of what RocksDB's threads do with them as they come. Of a key that a run has several records of, the last
 * is written. What a record replaces leaves the digest: in a store that
 * was empty a key that has not been met replaces nothing, and most need no look. What a store that was not lacks is written at
 * once, and as one write, so that its mark always fits it.
 */
export class ChangelogReplay {
  readonly #store: ReplayedStore;
  readonly #database: Pick<Database, 'getMany'>;
  readonly #prefix: Buffer;
  /** The keys met; undefined where each may be in the database. */
  readonly #seen: SeenKeys | undefined;
  readonly #fingerprint: Buffer;
  readonly #framing: number;
  #bytes: Buffer<ArrayBuffer>;
  #view: DataView;
  /** Those of the run before: its last writes may be on their way. */
  #bytesBefore = Buffer.allocUnsafeSlow(0);
  #end = 0;
  #count = 0;
  /** Where database keys begin, and end, and where values do. */
  #starts = new Uint32Array(SMALLEST_RECORDS);
  #keyEnds = new Uint32Array(SMALLEST_RECORDS);
  #values = new Uint32Array(SMALLEST_RECORDS);
  #ends = new Uint32Array(SMALLEST_RECORDS);
  #hashes = new Int32Array(SMALLEST_RECORDS);
  /** Hashes of keys that may have been met before. */
  readonly #repeated = new Set<number>();
  #isAscending = true;
  readonly #hash: EntryHash = new Words128();

  /** `records`: about how many there will be. */
  constructor(store: ReplayedStore, database: Pick<Database, 'getMany'>, records: number, isEmpty: boolean) {
    this.#store = store;
    this.#database = database;
    this.#prefix = storePrefix(store.name);
    if (isEmpty) this.#seen = new SeenKeys(records);
    const bytes = Math.min(RUN_BYTES, records * RECORD_BYTES) + SMALLEST_BYTES;
    this.#bytes = Buffer.allocUnsafeSlow(bytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#fingerprint = store.serde.fingerprint;
    this.#framing = store.serde.framing;
  }

  /** Whether what has gathered is to be written now. */
  get isFull(): boolean {
    return this.#end >= (this.#seen === undefined ? 1 : RUN_BYTES);
  }

  /** A record, as RecordBatch.readEntry gives it; one without a key is passed over. */
  readonly add: ReadEntry<void> = (from, keyStart, keyEnd, valueStart, valueEnd) => {
    if (keyEnd < 0) return;
    const isDeletion = valueEnd < 0;
    const valueLength = isDeletion ? 0 : valueEnd - valueStart;
    const start = this.#end + LENGTH_BYTES;
    const keyAt = start + this.#prefix.length;
    const ownKeyEnd = keyAt + keyEnd - keyStart;
    const most = ownKeyEnd + this.#fingerprint.length + valueLength;
    // equivalent mutant (boundary): room that just suffices may as well grow
    if (most > this.#bytes.length) this.#growBytes(most);
    const i = this.#count++;
    if (i === this.#starts.length) this.#growLists();
    const bytes = this.#bytes;
    for (let at = keyAt, n = keyStart; n < keyEnd; n++, at++) bytes[at] = from[n] as number;
    let valueAt = DELETED;
    if (!isDeletion) valueAt = this.#addValue(from, keyAt, ownKeyEnd, valueStart, valueEnd);
    const prefix = this.#prefix;
    for (let at = start, n = 0; n < prefix.length; n++, at++) bytes[at] = prefix[n] as number;
    const hash = keyHash(bytes, keyAt, ownKeyEnd);
    if (this.#seen?.add(hash) === true) this.#repeated.add(hash);
    const end = isDeletion ? ownKeyEnd : valueAt + valueLength;
    this.#starts[i] = start;
    this.#keyEnds[i] = ownKeyEnd;
    this.#values[i] = valueAt;
    this.#ends[i] = end;
    this.#hashes[i] = hash;
    this.#end = end;
    // equivalent mutant (swapped arguments): where it is wrong, records are sorted that are in order already
    if (this.#isAscending && i > 0) this.#isAscending = isBefore(this.#keys, i - 1, i, this.#prefix.length);
  };

  /**
   * Copies a value behind its key, and adds their hash to the digest; gives where the value begins. What is hashed (see
   * entryHash) is put together where it lies: the length of the key stands where the prefix will, the fingerprint where the
   * framing will, so that nothing is copied twice.
   */
  #addValue(from: Buffer, keyAt: number, keyEnd: number, start: number, end: number): number {
    const { digest } = this.#store;
    const bytes = this.#bytes;
    const fingerprint = this.#fingerprint;
    const framing = this.#framing;
    if (framing > fingerprint.length || end - start < framing) {
      from.copy(bytes, keyEnd, start, end);
      const value = from.subarray(start, end);
      digest.add(entryHash(bytes.subarray(keyAt, keyEnd), value, fingerprint, framing));
      return keyEnd;
    }
    const bodyAt = keyEnd + fingerprint.length;
    // equivalent mutant (boundary): the byte after the fingerprint is written next, or by the next record
    for (let n = 0; n < fingerprint.length; n++) bytes[keyEnd + n] = fingerprint[n] as number;
    from.copy(bytes, bodyAt, start + framing, end);
    const hashedAt = keyAt - LENGTH_BYTES;
    this.#view.setUint32(hashedAt, keyEnd - keyAt);
    const length = bodyAt + end - start - framing - hashedAt;
    digest.add(murmur3(this.#view, length, 0, this.#hash, hashedAt));
    const valueAt = bodyAt - framing;
    for (let n = 0; n < framing; n++) bytes[valueAt + n] = from[start + n] as number;
    return valueAt;
  }

  /**
   * What has gathered, to be written in this order, in bulk, and all of it before more is added. Only behind the last
   * of them does the digest stand for what the database holds.
   */
  async *changes(): AsyncGenerator<Change[]> {
    const newest = await this.#replace();
    const order = new Uint32Array(this.#count);
    let length = 0;
    for (let i = 0; i < this.#count; i++) {
      const isNewest = this.#isRepeated(i) ? newest.has(i) : this.#values[i] !== DELETED;
      if (isNewest) order[length++] = i;
    }
    const written = order.subarray(0, length);
    if (!this.#isAscending) sortBytewise(this.#keys, written);
    const records = this.#seen === undefined ? Math.max(length, 1) : WRITE_RECORDS;
    for (let from = 0; from < length; from += records) {
      const changes: Change[] = [];
      const to = Math.min(length, from + records);
      for (let at = from; at < to; at++) changes.push(this.#changeOf(written[at] as number));
      yield changes;
    }
    this.#beginNext();
  }

  /** Takes out of the digest what records have replaced, and returns those that nothing has, of the keys met before. */
  async #replace(): Promise<Set<number>> {
    const newest = new Map<string, number>();
    if (this.#seen !== undefined && this.#repeated.size === 0) return new Set();
    for (let i = 0; i < this.#count; i++) {
      // equivalent mutant (dropped return): a key that was met once is looked for in the database, where it is not
      if (!this.#isRepeated(i)) continue;
      const { key } = this.#changeOf(i);
      const name = key.toString('latin1');
      const before = newest.get(name);
      if (before !== undefined) this.#subtract(key, this.#changeOf(before).value);
      newest.set(name, i);
    }
    const indexes = [...newest.values()];
    if (indexes.length === 0) return new Set();
    const keys = indexes.map((i) => this.#changeOf(i).key);
    for (const [at, before] of (await this.#database.getMany(keys)).entries())
      this.#subtract(keys[at] as Buffer, before);
    return new Set(indexes);
  }

  #isRepeated(i: number): boolean {
    if (this.#seen === undefined) return true;
    return this.#repeated.size > 0 && this.#repeated.has(this.#hashes[i] as number);
  }

  #subtract(key: Buffer, value: Buffer | null): void {
    const { digest, serde } = this.#store;
    if (value === null) return;
    digest.subtract(entryHash(key, value, serde.fingerprint, serde.framing, this.#prefix.length));
  }

  get #keys(): ByteStrings {
    return { bytes: this.#bytes, starts: this.#starts, ends: this.#keyEnds };
  }

  #changeOf(i: number): Change {
    const valueAt = this.#values[i] as number;
    const key = this.#bytes.subarray(this.#starts[i], this.#keyEnds[i]);
    return { key, value: valueAt === DELETED ? null : this.#bytes.subarray(valueAt, this.#ends[i]) };
  }

  #beginNext(): void {
    const { length } = this.#bytes;
    const isRoomy = this.#bytesBefore.length >= length;
    const next = isRoomy ? this.#bytesBefore : Buffer.allocUnsafeSlow(length);
    this.#bytesBefore = this.#bytes;
    this.#bytes = next;
    this.#view = new DataView(next.buffer);
    this.#end = 0;
    this.#count = 0;
    this.#repeated.clear();
    this.#isAscending = true;
  }

  #growBytes(needed: number): void {
    this.#bytes = grown(this.#bytes, 2 * needed);
    this.#view = new DataView(this.#bytes.buffer);
  }

  #growLists(): void {
    const length = 2 * this.#starts.length;
    this.#starts = larger(this.#starts, new Uint32Array(length));
    this.#keyEnds = larger(this.#keyEnds, new Uint32Array(length));
    this.#values = larger(this.#values, new Uint32Array(length));
    this.#ends = larger(this.#ends, new Uint32Array(length));
    this.#hashes = larger(this.#hashes, new Int32Array(length));
  }
}
