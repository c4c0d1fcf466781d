import { FatalError, RetryableError } from '#platform';
import { decodeLoading, type Serde } from '../../serde.ts';
import { prefixedKey, prefixRange } from '../../store/database-keys.ts';
import type { Change, Database } from '../../store/port.ts';

const PREFIX = Buffer.from([1]);

type Cached = { row: unknown; used: boolean };

/**
 * The rows of a global table over its database, as the topic has them, the newest ones read decoded in memory. There is
 * no digest and nothing dirty: a row is written when it is read from the topic.
 */
export class GlobalRowStore {
  readonly #database: Database;
  readonly #serde: Serde<unknown>;
  readonly #capacity: number;
  /** In the order in which the CLOCK's hand comes to them. */
  readonly #cache = new Map<string, Cached>();

  constructor(database: Database, serde: Serde<unknown>, capacity: number) {
    this.#database = database;
    this.#serde = serde;
    this.#capacity = capacity;
  }

  /** Brings rows into memory, until `evict`. Errors: MR_STORE_CORRUPT where one can't be decoded. */
  async load(keys: readonly string[]): Promise<void> {
    const missing = [...new Set(keys)].filter((key) => !this.#cache.has(key));
    if (missing.length === 0) return;
    const values = await this.#database.getMany(missing.map((key) => prefixedKey(PREFIX, key)));
    for (const [i, key] of missing.entries()) {
      const bytes = values[i] ?? null;
      this.#cache.set(key, { row: bytes === null ? undefined : await this.#read(key, bytes), used: true });
    }
  }

  /** A row that was loaded; undefined where there is none. */
  get(key: string): unknown {
    const cached = this.#cache.get(key);
    if (cached === undefined) return undefined;
    cached.used = true;
    return cached.row;
  }

  /** A row as a record of the topic has it; undefined where that removes it. Errors: those of decoding. */
  decode(bytes: Buffer | null): unknown {
    return bytes === null ? undefined : decodeLoading(this.#serde, bytes);
  }

  /** Takes a row into memory where it is there already; gives the change to write to the database. */
  change(key: string, bytes: Buffer | null, row: unknown): Change {
    const cached = this.#cache.get(key);
    if (cached !== undefined) cached.row = row;
    return { key: prefixedKey(PREFIX, key), value: bytes };
  }

  /** Brings the rows in memory down to their number: those go that were not used since they were last looked at. */
  evict(): void {
    for (const [key, cached] of this.#cache) {
      if (this.#cache.size <= this.#capacity) return;
      this.#cache.delete(key);
      if (!cached.used) continue;
      cached.used = false;
      this.#cache.set(key, cached);
    }
  }

  async *entries(): AsyncGenerator<readonly [key: string, row: unknown]> {
    for await (const chunk of this.#database.scan(prefixRange(PREFIX))) {
      for (const { key: bytes, value } of chunk) {
        const key = bytes.toString('utf8', PREFIX.length);
        yield [key, await this.#read(key, value as Buffer)];
      }
    }
  }

  async #read(key: string, bytes: Buffer): Promise<unknown> {
    try {
      return await this.decode(bytes);
    } catch (cause) {
      if (cause instanceof RetryableError) throw cause;
      throw new FatalError('MR_STORE_CORRUPT', `a global table holds an unreadable row at ${key}`, {
        hint: 'it is read again from its topic',
        cause,
      });
    }
  }
}
