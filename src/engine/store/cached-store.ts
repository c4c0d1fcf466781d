import { InputError } from '#platform';
import type { Serde } from '../serde.ts';
import { Digest, type EntryHash } from './digest.ts';
import { type Entry, EntryCache, PrefixIndex } from './entry-cache.ts';
import { NotLoaded, type Read } from './key-value-store.ts';
import type { Database } from './port.ts';
import { SeenKeys, textHash } from './seen-keys.ts';
import { StoreChanges } from './store-changes.ts';
import { StoredValues } from './stored-values.ts';
import type { Expiry } from './ttl.ts';

/** A changed entry that can't be written: by its serde, or since no log takes it. */
export type RefusedEntry = { readonly key: string; readonly timestamp: number; readonly error: unknown };

/**
 * A named store of one task: decoded values in a bounded cache over the task's database. Reads within a batch are memory
 * accesses, since `load` has brought the keys in. Changes stay here until the task commits: `takeDirty` encodes each
 * changed key once.
 */
export class CachedStore<V> {
  readonly name: string;
  readonly values: StoredValues<V>;
  readonly digest = new Digest();
  /** Where entries go with time; set before the first load. */
  expiry: Expiry | undefined;
  /** Told of each read of what is not loaded, whoever catches the error. */
  onMiss: ((missing: NotLoaded) => void) | undefined;
  readonly #database: Database;
  readonly #capacity: number;
  readonly #cache: EntryCache<V>;
  readonly #prefixes = new PrefixIndex();
  #dirty: Entry<V>[] = [];
  /** Bytes of the values changed by the last commit. */
  #lastBytes = 0;
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
    this.values = new StoredValues(name, serde);
    this.#database = database;
    this.#capacity = capacity;
    this.#cache = new EntryCache(capacity);
  }

  /** Schedules the key for the next `load`; returns its index in what that finds, see `found`. */
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
    this.#cache.getMany(keys, count, found);
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
      if (this.#cache.get(key) !== undefined || missing.has(key)) continue;
      if (this.#met?.add(textHash(key)) === false) this.#admit(key, undefined, undefined);
      else missing.add(key);
    }
    if (missing.size > 0) {
      const values = await this.#database.getMany(Array.from(missing, (key) => this.values.keyOf(key)));
      let i = 0;
      for (const key of missing) await this.#take(key, values[i++] ?? null);
    }
    for (const i of lacking) found[i] = this.#cache.get(keys[i] as string);
  }

  async #loadPrefixes(): Promise<void> {
    const added = [...this.#wantedPrefixes].filter((prefix) => !this.#prefixes.has(prefix));
    this.#wantedPrefixes.clear();
    for (const prefix of added) this.#prefixes.add(prefix);
    if (added.length === 0) return;
    for (const { key } of this.#dirty) this.#prefixes.note(key);
    for (const prefix of added) {
      for await (const chunk of this.values.scan(this.#database, prefix)) {
        for (const { key: bytes, value } of chunk) {
          const key = this.values.textOf(bytes);
          if (this.#cache.get(key) === undefined) await this.#take(key, value);
          else this.#prefixes.note(key);
        }
      }
    }
  }

  /** Takes in what the database holds for a key. */
  async #take(key: string, bytes: Buffer | null): Promise<void> {
    if (bytes === null) return this.#admit(key, undefined, undefined);
    const value = await this.values.decode(key, bytes);
    const hash = this.values.hash(this.values.keyOf(key), bytes);
    this.#admit(key, value, hash, this.values.timestampOf(bytes));
  }

  #admit(key: string, value: V | undefined, stored: EntryHash | undefined, timestamp = 0): void {
    this.#cache.admit(key, value, stored, timestamp);
    this.#prefixes.note(key);
  }

  /** Says that the database holds nothing of the store, and that nobody but this object will write it. */
  beginsEmpty(): void {
    this.#met = new SeenKeys(this.#capacity);
  }

  get(key: string): V | undefined {
    return this.entry(key).value;
  }

  /** The keys in the cache that begin with a prefix, sorted; NotLoaded where that has yet to be loaded. */
  keysWith(prefix: string): string[] {
    const keys = this.#prefixes.keysWith(prefix);
    if (keys === undefined) throw this.#miss(prefix, { prefix });
    return keys;
  }

  /** A key's place in the cache, until the next commit; NotLoaded where the key has yet to be loaded. */
  entry(key: string): Entry<V> {
    // An untyped caller's key may be none.
    const entry = typeof key === 'string' ? this.#cache.get(key) : undefined;
    if (entry === undefined) throw this.#miss(key, key);
    entry.used = true;
    return entry;
  }

  #miss(text: string, read: Read): Error {
    if (typeof text !== 'string')
      return new InputError(
        text === null || text === undefined ? 'MR_RECORD_NULL_KEY' : 'MR_RECORD_KEY',
        `store ${this.name} was read with the key ${String(text)}, which is not a string`,
      );
    const missing = new NotLoaded(this, read);
    this.onMiss?.(missing);
    return missing;
  }

  isLoaded(key: string): boolean {
    return this.#cache.get(key) !== undefined;
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

  /** Sets what is held for a key; undefined deletes it. */
  change(entry: Entry<V>, value: V | undefined, timestamp: number): void {
    this.expiry?.changed(entry.key, value === undefined, timestamp);
    entry.value = value;
    if (entry.dirty) {
      // A stamp is the writer's: where a commit falls must make no difference to it.
      if (timestamp > entry.timestamp || this.values.isStamped) entry.timestamp = timestamp;
    } else {
      entry.dirty = true;
      entry.timestamp = timestamp;
      this.#dirty.push(entry);
      this.noteForPrefixes(entry.key);
    }
  }

  /** Makes a walk over a prefix see a key that is about to be written. */
  noteForPrefixes(key: string): void {
    this.#prefixes.note(key);
  }

  /**
   * Encodes what has changed since the last call, brings the digest up to date, and hands the changes out: to
   * the changelog, and then to the database. An entry that can't be written is told to `refuse`
   * and falls back to what the database holds: all of its changes since the last call are lost with the last one.
   */
  takeDirty(refuse: (entry: RefusedEntry) => void): StoreChanges {
    this.#prefixes.clear();
    this.#cache.evict();
    const changes = new StoreChanges(this.values.prefix, this.#lastBytes);
    const lost: Entry<V>[] = [];
    for (const entry of this.#dirty) {
      entry.dirty = false;
      if (entry.value === undefined && entry.stored === undefined) continue;
      try {
        this.#collect(entry, changes);
      } catch (error) {
        refuse({ key: entry.key, timestamp: entry.timestamp, error });
        if (!this.#fallBack(entry)) lost.push(entry);
      }
    }
    this.#dirty = [];
    this.#cache.drop(lost);
    this.#lastBytes = changes.byteLength;
    return changes;
  }

  #collect(entry: Entry<V>, changes: StoreChanges): void {
    const { key, value, timestamp, stored } = entry;
    this.values.assertTimestamp(timestamp);
    if (value === undefined) changes.addDeletion(entry);
    else changes.add(entry, (target, at) => this.values.encodeInto(key, value, timestamp, target, at));
    if (stored !== undefined) this.digest.subtract(stored);
    entry.stored = undefined;
    if (value === undefined) return;
    // In place of the old one: an object for each change would outlive the nursery.
    const start = changes.start(changes.length - 1);
    entry.stored = this.values.hashAt(key, changes.bytes, start, changes.byteLength, stored);
    this.digest.add(entry.stored);
  }

  /** To its last committed value; false where that has to be read from the database. */
  #fallBack(entry: Entry<V>): boolean {
    if (entry.changes?.isHeld !== true) return false;
    const bytes = entry.changes.value(entry.change);
    entry.value = bytes === null ? undefined : this.values.decodeOwn(bytes);
    if (bytes !== null && this.values.isStamped) entry.timestamp = this.values.timestampOf(bytes);
    return true;
  }

  /** Recomputes the digest from the database: the schema has changed since it was kept up. */
  async recomputeDigest(): Promise<void> {
    this.digest.clear();
    for await (const chunk of this.values.scan(this.#database))
      for (const { key, value } of chunk) this.digest.add(this.values.hash(key, value as Buffer));
  }

  /** All entries as the database holds them (changes since the last commit are not among them). */
  entries(): AsyncIterable<readonly [key: string, value: V]> {
    return this.values.entries(this.#database);
  }

  /** Forgets everything, here and in the database. */
  async clear(): Promise<void> {
    this.#cache.clear();
    this.#dirty = [];
    this.#prefixes.clear();
    this.digest.clear();
    await this.#database.deleteRange(this.values.range());
  }
}
