import type { EntryHash } from './digest.ts';
import { KeyTable } from './key-table.ts';
import type { HeldKey } from './store-changes.ts';

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

/** Decoded entries of a store, about as many as its capacity: those used least go (CLOCK, Corbató 1968). */
export class EntryCache<V> extends KeyTable<Entry<V>> {
  readonly #capacity: number;
  /** The CLOCK's ring, written as a queue: its hand points at the first entry. */
  #ring: Entry<V>[] = [];

  constructor(capacity: number) {
    super();
    this.#capacity = capacity;
  }

  admit(key: string, value: V | undefined, stored: EntryHash | undefined, timestamp: number): void {
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
    this.add(entry);
    this.#ring.push(entry);
  }

  /** Takes out entries that don't hold what their keys should. */
  drop(entries: readonly Entry<V>[]): void {
    if (entries.length === 0) return;
    for (const { key } of entries) this.delete(key);
    this.#ring = this.#ring.filter((entry) => this.get(entry.key) === entry);
  }

  override clear(): void {
    super.clear();
    this.#ring = [];
  }

  /**
   * Second chance: the oldest entries go first, unless they were used since they were last looked at. What the database
   * does not have yet stays.
   */
  evict(): void {
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
          this.delete(entry.key);
          excess--;
        }
      }
      this.#ring = this.#ring.slice(looked).concat(spared);
    }
  }
}

/** The prefixes that have been loaded since the last commit, each with all of the keys in the cache that begin so. */
export class PrefixIndex {
  readonly #keys = new Map<string, Set<string>>();
  readonly #lengths = new Set<number>();

  has(prefix: string): boolean {
    return this.#keys.has(prefix);
  }

  add(prefix: string): void {
    this.#keys.set(prefix, new Set());
    this.#lengths.add(prefix.length);
  }

  /** Makes a walk over a prefix see a key that is about to be written. */
  note(key: string): void {
    if (this.#lengths.size === 0) return;
    for (const length of this.#lengths) this.#keys.get(key.slice(0, length))?.add(key);
  }

  /** The keys that begin with `prefix`, sorted; undefined where it has yet to be loaded. */
  keysWith(prefix: string): string[] | undefined {
    const keys = this.#keys.get(prefix);
    return keys && [...keys].sort();
  }

  clear(): void {
    this.#keys.clear();
    this.#lengths.clear();
  }
}
