import { assertRecordBytes } from '#log';
import { errorCode, FatalError, InputError, RetryableError } from '#platform';
import type { Serde } from '../serde.ts';
import { prefixedKey, prefixRange, storePrefix } from './database-keys.ts';
import { DIGEST_KIND, Digest, type EntryHash, entryHash, textEntryHash } from './digest.ts';
import { KeyTable } from './key-table.ts';
import type { Database } from './port.ts';
import { SeenKeys, textHash } from './seen-keys.ts';
import { isStamped, type StampedSerde } from './stamped-serde.ts';
import { type HeldKey, StoreChanges } from './store-changes.ts';
import type { Expiry } from './ttl.ts';

/** A key in the cache, with what its store holds for it. */
export type Entry<V> = HeldKey & {
  value: V | undefined;
  /** Hash of what the database holds; undefined where it holds nothing. */
  stored: EntryHash | undefined;
  dirty: boolean;
  /** Its second chance under the CLOCK algorithm. */
  used: boolean;
  /** What a handler that is still at work has written, by the number of its attempt: see StagedStore. */
  attempt: number;
  staged: V | undefined;
  stagedTimestamp: number;
};

/** A changed entry that can't be written: by its serde, or since no log takes it. */
export type RefusedEntry = { readonly key: string; readonly timestamp: number; readonly error: unknown };

/** What a processor sees of a store. */
export interface KeyValueStore<V> {
  get(key: string): V | undefined;
  /** When the entry was last changed, in event time; for stores whose serde is stamped. */
  timestamp(key: string): number | undefined;
  /** Entries whose key begins with `prefix`, in the order of keys (UTF-16 code units). */
  prefix(prefix: string): Iterable<readonly [key: string, value: V]>;
  /** `timestamp` is the event time of the change. */
  put(key: string, value: V, timestamp: number): void;
  delete(key: string, timestamp: number): void;
}

/**
 * Thrown by a read of what has not been loaded. The operator that meets it loads that and runs the handler again.
 */
export class NotLoaded extends Error {
  readonly store: CachedStore<unknown>;
  readonly read: Read;

  constructor(store: CachedStore<unknown>, read: Read) {
    super(`store ${store.name} was asked for what is not loaded: ${JSON.stringify(read)}`);
    this.store = store;
    this.read = read;
  }
}

/** What to load: one key, or all that begin with a prefix. */
export type Read = string | { readonly prefix: string };

/**
 * A named store of one task: decoded values in a bounded CLOCK cache over the task's database. Reads within a
 * batch are memory accesses, since `load` has brought the keys in. Changes stay here until the task commits:
 * `takeDirty` encodes each changed key once.
 */
export class CachedStore<V> implements KeyValueStore<V> {
  readonly name: string;
  readonly digest = new Digest();
  /** Where entries go with time; set before the first load. */
  expiry: Expiry | undefined;
  /** Told of each read of what is not loaded, whoever catches the error. */
  onMiss: ((missing: NotLoaded) => void) | undefined;
  readonly #database: Database;
  readonly #serde: Serde<V>;
  /** The same, where it writes each entry's time as well. */
  readonly #stamped: StampedSerde<V> | undefined;
  readonly #prefix: Buffer;
  readonly #capacity: number;
  readonly #entries = new KeyTable<Entry<V>>();
  #dirty: Entry<V>[] = [];
  /** Bytes of the values changed by the last commit. */
  #lastBytes = 0;
  /** The CLOCK's ring, written as a queue: its hand points at the first entry. */
  #ring: Entry<V>[] = [];
  /** Prefixes loaded since the last commit, with all of the keys in the cache that begin so. */
  readonly #prefixes = new Map<string, Set<string>>();
  readonly #prefixLengths = new Set<number>();
  /** The keys that the next `load` is to bring in, or has brought in, and what it has found. */
  readonly #wanted: string[] = [];
  #wants = 0;
  #areWantsLoaded = true;
  readonly #found: (Entry<V> | undefined)[] = [];
  readonly #wantedPrefixes = new Set<string>();
  /**
   * For a store that was empty when it was opened, the keys loaded since: what is not among them the database
   * does not have either, and a look-up costs twenty times what a look here does.
   */
  #met: SeenKeys | undefined;

  constructor(name: string, database: Database, serde: Serde<V>, capacity: number) {
    this.name = name;
    this.#database = database;
    this.#serde = serde;
    this.#stamped = isStamped(serde) ? serde : undefined;
    this.#prefix = storePrefix(name);
    this.#capacity = capacity;
  }

  /** Has the next `load` bring it in; gives a key's place in what that finds, see `found`. */
  want(read: Read): number | undefined {
    this.expiry?.want(read);
    if (typeof read === 'string') {
      if (this.#areWantsLoaded) this.#wants = 0;
      this.#areWantsLoaded = false;
      this.#wanted[this.#wants] = read;
      return this.#wants++;
    }
    // What is no text, an untyped caller's null key, is an error of the handler that reads it.
    if (typeof read?.prefix === 'string') this.#wantedPrefixes.add(read.prefix);
    return undefined;
  }

  /** The key that was wanted as `place`. */
  wanted(place: number): string {
    return this.#wanted[place] as string;
  }

  /** Its place in the cache, until the next commit; until something else is wanted. */
  found(place: number): Entry<V> {
    return this.#found[place] as Entry<V>;
  }

  /**
   * Brings into the cache what is wanted, and `reads`. Errors: MR_STORE_CORRUPT where a stored value can't be decoded.
   */
  async load(reads: readonly Read[] = []): Promise<void> {
    const keys: string[] = [];
    for (const read of reads) {
      if (typeof read !== 'string') this.want(read);
      else {
        this.expiry?.want(read);
        keys.push(read);
      }
    }
    await this.expiry?.load();
    if (this.#wantedPrefixes.size > 0) await this.#loadPrefixes();
    if (!this.#areWantsLoaded) {
      this.#areWantsLoaded = true;
      await this.#loadKeys(this.#wanted, this.#wants, this.#found);
    }
    if (keys.length > 0) await this.#loadKeys(keys, keys.length, []);
  }

  /** Fills `found` with the entries of the first `count` keys. */
  async #loadKeys(keys: readonly string[], count: number, found: (Entry<V> | undefined)[]): Promise<void> {
    this.#entries.getMany(keys, count, found);
    const lacking: number[] = [];
    for (let i = 0; i < count; i++) {
      const entry = found[i];
      if (entry === undefined) lacking.push(i);
      else entry.used = true;
    }
    if (lacking.length === 0) return;
    const missing = new Set<string>();
    for (const i of lacking) {
      const key = keys[i] as string;
      if (this.#entries.get(key) !== undefined || missing.has(key)) continue;
      if (this.#met?.add(textHash(key)) === false) this.#admit(key, undefined, undefined);
      else missing.add(key);
    }
    if (missing.size > 0) {
      const values = await this.#database.getMany(
        Array.from(missing, (key) => prefixedKey(this.#prefix, key)),
      );
      let i = 0;
      for (const key of missing) await this.#take(key, values[i++] ?? null);
    }
    for (const i of lacking) found[i] = this.#entries.get(keys[i] as string);
  }

  /** Says that the database holds nothing of the store, and that nobody but this object will write it. */
  beginsEmpty(): void {
    this.#met = new SeenKeys(this.#capacity);
  }

  get(key: string): V | undefined {
    return this.entry(key).value;
  }

  timestamp(key: string): number | undefined {
    const { value, timestamp } = this.entry(key);
    return value === undefined ? undefined : timestamp;
  }

  *prefix(prefix: string): Generator<readonly [key: string, value: V]> {
    for (const key of this.keysWith(prefix)) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  /** The keys in the cache that begin with a prefix, sorted; NotLoaded where that has yet to be loaded. */
  keysWith(prefix: string): string[] {
    const keys = this.#prefixes.get(prefix);
    if (keys === undefined) throw this.#miss(prefix, { prefix });
    return [...keys].sort();
  }

  /** A key's place in the cache, until the next commit; NotLoaded where the key has yet to be loaded. */
  entry(key: string): Entry<V> {
    // An untyped caller's key may be none.
    const entry = typeof key === 'string' ? this.#entries.get(key) : undefined;
    if (entry === undefined) throw this.#miss(key, key);
    entry.used = true;
    return entry;
  }

  #miss(text: string, read: Read): Error {
    if (typeof text !== 'string')
      return new InputError(
        text === null || text === undefined ? 'MR_RECORD_NULL_KEY' : 'MR_RECORD_KEY',
        `store ${this.name} was asked for the key ${String(text)}, which is not a string`,
      );
    const missing = new NotLoaded(this as CachedStore<unknown>, read);
    this.onMiss?.(missing);
    return missing;
  }

  /** Fails with NotLoaded where the key has yet to be loaded. */
  assertLoaded(key: string): void {
    this.entry(key);
  }

  isLoaded(key: string): boolean {
    return this.#entries.get(key) !== undefined;
  }

  /** Fails with NotLoaded where the key's time has left the cache before the key has, as it may: it is looked at less. */
  assertTimeLoaded(key: string): void {
    if (this.expiry?.isLoaded(key) === false) throw this.#miss(key, key);
  }

  put(key: string, value: V, timestamp: number): void {
    this.change(this.entry(key), value, timestamp);
  }

  delete(key: string, timestamp: number): void {
    this.change(this.entry(key), undefined, timestamp);
  }

  /**
   * Encodes what has changed since the last call, brings the digest up to date, and hands the changes out: to
   * the changelog, and then to the database. An entry that can't be written is told to `refuse`
   * and falls back to what the database holds: all of its changes since the last call are lost with the last one.
   */
  takeDirty(refuse: (entry: RefusedEntry) => void): StoreChanges {
    this.#forgetPrefixes();
    this.#evict();
    const changes = new StoreChanges(this.#prefix, this.#lastBytes);
    let refused = 0;
    for (const entry of this.#dirty) {
      entry.dirty = false;
      if (entry.value === undefined && entry.stored === undefined) continue;
      try {
        this.#collect(entry, changes);
      } catch (error) {
        refuse({ key: entry.key, timestamp: entry.timestamp, error });
        this.#fallBack(entry);
        refused++;
      }
    }
    this.#dirty = [];
    if (refused > 0) this.#ring = this.#ring.filter((entry) => this.#entries.get(entry.key) === entry);
    this.#lastBytes = changes.byteLength;
    return changes;
  }

  #collect(entry: Entry<V>, changes: StoreChanges): void {
    const { value, stored } = entry;
    this.#assertTimestamp(entry.timestamp);
    if (value === undefined) changes.addDeletion(entry);
    else changes.add(entry, (target, at) => this.#encodeInto(entry, value, target, at));
    if (stored !== undefined) this.digest.subtract(stored);
    entry.stored = undefined;
    if (value === undefined) return;
    const { fingerprint, framing } = this.#serde;
    const start = changes.start(changes.length - 1) + framing;
    // In place of the old one: an object for each change would outlive the nursery.
    entry.stored = textEntryHash(entry.key, changes.bytes, start, changes.byteLength, fingerprint, stored);
    this.digest.add(entry.stored);
  }

  #encodeInto({ key, timestamp }: Entry<V>, value: V, target: Buffer, at: number): number {
    const { encodeInto } = this.#serde;
    if (this.#stamped !== undefined || encodeInto !== undefined) {
      const end =
        this.#stamped === undefined
          ? (encodeInto as NonNullable<typeof encodeInto>)(value, target, at)
          : this.#stamped.stampInto(value, timestamp, target, at);
      if (end >= 0) assertRecordBytes(key, end - at);
      return end;
    }
    const bytes = this.#serde.encode(value);
    assertRecordBytes(key, bytes.length);
    if (at + bytes.length > target.length) return target.length - at - bytes.length;
    return at + bytes.copy(target, at);
  }

  /** To its last committed value, which the database may not have yet. */
  #fallBack(entry: Entry<V>): void {
    if (entry.changes?.isHeld !== true) {
      this.#entries.delete(entry.key);
      return;
    }
    const bytes = entry.changes.value(entry.change);
    entry.value = bytes === null ? undefined : this.#serde.decode(bytes);
    if (bytes !== null && this.#stamped !== undefined) entry.timestamp = this.#stamped.timestampOf(bytes);
  }

  /** Fails where `takeDirty` would refuse the entry. */
  tryWrite(key: string, value: V | undefined, timestamp: number): void {
    this.#assertTimestamp(timestamp);
    if (value !== undefined) assertRecordBytes(key, this.#serde.encode(value).length);
  }

  #assertTimestamp(timestamp: number): void {
    if (Number.isFinite(timestamp)) return;
    throw new InputError('MR_RECORD_TIMESTAMP', `store ${this.name} was written with the time ${timestamp}`);
  }

  /** A value written elsewhere, as this store would write it. Errors: those of decoding. */
  async reencode(bytes: Buffer): Promise<Buffer> {
    return this.#serde.encode(await this.#decodeLoading(bytes));
  }

  /** Hexadecimal: how the digest is made, and the fingerprint of the schema that it is made with. */
  get fingerprint(): string {
    return DIGEST_KIND + this.#serde.fingerprint.toString('hex');
  }

  /** Recomputes the digest from the database: the schema has changed since it was kept up. */
  async recomputeDigest(): Promise<void> {
    this.digest.clear();
    for await (const chunk of this.#database.scan(prefixRange(this.#prefix))) {
      for (const { key, value } of chunk) {
        this.digest.add(this.#hash(key, value as Buffer));
      }
    }
  }

  /** All entries as the database holds them (changes since the last commit are not among them). */
  async *entries(): AsyncGenerator<readonly [key: string, value: V]> {
    for await (const chunk of this.#database.scan(prefixRange(this.#prefix))) {
      for (const { key, value } of chunk) {
        const text = key.toString('utf8', this.#prefix.length);
        yield [text, await this.#decode(text, value as Buffer)];
      }
    }
  }

  /** Forgets everything, here and in the database. */
  async clear(): Promise<void> {
    this.#entries.clear();
    this.#dirty = [];
    this.#ring = [];
    this.#forgetPrefixes();
    this.digest.clear();
    await this.#database.deleteRange(prefixRange(this.#prefix));
  }

  /** Sets what is held for a key; undefined deletes it. */
  change(entry: Entry<V>, value: V | undefined, timestamp: number): void {
    this.expiry?.changed(entry.key, value === undefined, timestamp);
    entry.value = value;
    if (entry.dirty) {
      // A stamp is the writer's: where a commit falls must make no difference to it.
      if (timestamp > entry.timestamp || this.#stamped !== undefined) entry.timestamp = timestamp;
    } else {
      entry.dirty = true;
      entry.timestamp = timestamp;
      this.#dirty.push(entry);
      this.noteForPrefixes(entry.key);
    }
  }

  async #loadPrefixes(): Promise<void> {
    const added = [...this.#wantedPrefixes].filter((prefix) => !this.#prefixes.has(prefix));
    this.#wantedPrefixes.clear();
    for (const prefix of added) {
      this.#prefixes.set(prefix, new Set());
      this.#prefixLengths.add(prefix.length);
    }
    if (added.length === 0) return;
    for (const { key } of this.#dirty) this.noteForPrefixes(key);
    for (const prefix of added) {
      for await (const chunk of this.#database.scan(prefixRange(prefixedKey(this.#prefix, prefix)))) {
        for (const { key: bytes, value } of chunk) {
          const key = bytes.toString('utf8', this.#prefix.length);
          if (this.#entries.get(key) === undefined) await this.#take(key, value);
          else this.noteForPrefixes(key);
        }
      }
    }
  }

  #forgetPrefixes(): void {
    this.#prefixes.clear();
    this.#prefixLengths.clear();
  }

  /** Makes a walk over a prefix see a key that is about to be written. */
  noteForPrefixes(key: string): void {
    if (this.#prefixLengths.size === 0) return;
    for (const length of this.#prefixLengths) this.#prefixes.get(key.slice(0, length))?.add(key);
  }

  /** Takes in what the database holds for a key. */
  async #take(key: string, bytes: Buffer | null): Promise<void> {
    if (bytes === null) return this.#admit(key, undefined, undefined);
    const value = await this.#decode(key, bytes);
    this.#admit(
      key,
      value,
      this.#hash(prefixedKey(this.#prefix, key), bytes),
      this.#stamped?.timestampOf(bytes),
    );
  }

  #admit(key: string, value: V | undefined, stored: EntryHash | undefined, timestamp = 0): void {
    // What each look needs comes first, so that it lies in one line of the processor's cache.
    const entry: Entry<V> = {
      used: true,
      attempt: -1,
      value,
      key,
      dirty: false,
      stored,
      timestamp,
      staged: undefined,
      stagedTimestamp: 0,
      changes: undefined,
      change: 0,
    };
    this.#entries.add(entry);
    this.#ring.push(entry);
    this.noteForPrefixes(key);
  }

  async #decode(key: string, bytes: Buffer): Promise<V> {
    try {
      return await this.#decodeLoading(bytes);
    } catch (cause) {
      if (cause instanceof RetryableError) throw cause;
      throw new FatalError('MR_STORE_CORRUPT', `store ${this.name} holds an unreadable value at ${key}`, {
        hint: 'it is rebuilt from its changelog',
        cause,
      });
    }
  }

  async #decodeLoading(bytes: Buffer): Promise<V> {
    try {
      return this.#serde.decode(bytes);
    } catch (error) {
      if (errorCode(error) !== 'MR_SCHEMA_NOT_LOADED') throw error;
      await this.#serde.prepare(bytes);
      return this.#serde.decode(bytes);
    }
  }

  #hash(databaseKey: Buffer, value: Buffer): EntryHash {
    const { fingerprint, framing } = this.#serde;
    return entryHash(databaseKey, value, fingerprint, framing, this.#prefix.length);
  }

  /**
   * Second chance: the oldest entries go first, unless they were used since they were last looked at. What the database
   * does not have yet stays.
   */
  #evict(): void {
    let excess = this.#ring.length - this.#capacity;
    // Where all had been used, a second look finds their chance spent.
    for (let pass = 0; pass < 2 && excess > 0; pass++) {
      const spared: Entry<V>[] = [];
      let looked = 0;
      for (; excess > 0 && looked < this.#ring.length; looked++) {
        const entry = this.#ring[looked] as Entry<V>;
        if (entry.used || entry.dirty || entry.changes?.isHeld === true) {
          entry.used = false;
          spared.push(entry);
        } else {
          this.#entries.delete(entry.key);
          excess--;
        }
      }
      this.#ring = this.#ring.slice(looked).concat(spared);
    }
  }
}
