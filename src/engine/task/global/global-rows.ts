import { decodeLoading, type Serde } from '../../serde.ts';
import { EntryCache } from '../../store/entry-cache.ts';
import type { Change, Database } from '../../store/port.ts';
import { StoredValues } from '../../store/stored-values.ts';

/**
 * The rows of a global table over its database, as the topic has them, the newest ones read decoded in memory. There is
 * no digest and nothing dirty: a row is written when it is read from the topic.
 */
export class GlobalRowStore {
  readonly #database: Database;
  readonly #serde: Serde<unknown>;
  readonly #values: StoredValues<unknown>;
  readonly #cache: EntryCache<unknown>;

  constructor(database: Database, serde: Serde<unknown>, capacity: number) {
    this.#database = database;
    this.#serde = serde;
    this.#values = new StoredValues('', serde);
    this.#cache = new EntryCache(capacity);
  }

  get fingerprint(): string {
    return this.#values.fingerprint;
  }

  /** Brings rows into memory, until `evict`. Errors: MR_STORE_CORRUPT where one can't be decoded. */
  async load(keys: readonly string[]): Promise<void> {
    const missing = [...new Set(keys)].filter((key) => this.#cache.get(key) === undefined);
    if (missing.length === 0) return;
    const values = await this.#database.getMany(missing.map((key) => this.#values.keyOf(key)));
    for (const [i, key] of missing.entries()) {
      const bytes = values[i] ?? null;
      const row = bytes === null ? undefined : await this.#values.decode(key, bytes);
      this.#cache.admit(key, row, undefined, 0);
    }
  }

  /** A row that was loaded; undefined where there is none. */
  get(key: string): unknown {
    const cached = this.#cache.get(key);
    if (cached !== undefined) cached.used = true;
    return cached?.value;
  }

  /** A row as a record of the topic has it; undefined where that removes it. Errors: those of decoding. */
  decode(bytes: Buffer | null): unknown {
    return bytes === null ? undefined : decodeLoading(this.#serde, bytes);
  }

  /** Takes a row into memory where it is there already; returns the change to write to the database. */
  change(key: string, bytes: Buffer | null, row: unknown): Change {
    const cached = this.#cache.get(key);
    if (cached !== undefined) cached.value = row;
    return { key: this.#values.keyOf(key), value: bytes };
  }

  /** Brings the rows in memory down to their number: those go that were not used since they were last looked at. */
  evict(): void {
    this.#cache.evict();
  }

  entries(): AsyncIterable<readonly [key: string, row: unknown]> {
    return this.#values.entries(this.#database);
  }
}
