import type { ReadEntry } from '#log';
import { storePrefix } from './database-keys.ts';
import { entryHash } from './digest.ts';
import type { Change, Database } from './port.ts';
import type { ReplayedStore } from './whole-restore.ts';

/**
 * Takes the tail of a changelog into the digest of a store that holds something, and returns the changes to write to the
 * database: the last of each key. What that replaces leaves the digest, so it is looked up.
 */
export class ChangelogReplay {
  readonly #store: ReplayedStore;
  readonly #database: Pick<Database, 'getMany'>;
  readonly #prefix: Buffer;
  /** By database key, as latin1 text. */
  #newest = new Map<string, Change>();

  constructor(store: ReplayedStore, database: Pick<Database, 'getMany'>) {
    this.#store = store;
    this.#database = database;
    this.#prefix = storePrefix(store.name);
  }

  /** Whether what has gathered is to be written now: at once, so that it stays one write. */
  get isFull(): boolean {
    return this.#newest.size > 0;
  }

  /** A record, as RecordBatch.readEntry gives it; one without a key is passed over. */
  readonly add: ReadEntry<void> = (bytes, keyStart, keyEnd, valueStart, valueEnd) => {
    if (keyEnd < 0) return;
    const key = Buffer.concat([this.#prefix, bytes.subarray(keyStart, keyEnd)]);
    const value = valueEnd < 0 ? null : bytes.subarray(valueStart, valueEnd);
    this.#newest.set(key.toString('latin1'), { key, value });
  };

  /** What has gathered, in one piece. */
  async *changes(): AsyncGenerator<Change[]> {
    const changes = [...this.#newest.values()];
    this.#newest = new Map();
    const { digest, serde } = this.#store;
    const hash = (key: Buffer, value: Buffer) =>
      entryHash(key, value, serde.fingerprint, serde.framing, this.#prefix.length);
    const before = await this.#database.getMany(changes.map(({ key }) => key));
    for (const [i, { key, value }] of changes.entries()) {
      const old = before[i] ?? null;
      if (old !== null) digest.subtract(hash(key, old));
      if (value !== null) digest.add(hash(key, value));
    }
    yield changes;
  }
}
