import type { Serde } from '../serde.ts';
import { storePrefix } from './database-keys.ts';
import { type Digest, entryHash } from './digest.ts';
import type { Change, Database } from './port.ts';
import { keyHash, SeenKeys } from './seen-keys.ts';

/** Records of a changelog in their order, as two lists of one length; a null value deletes the key. */
export type ChangelogRecords = { readonly keys: Buffer[]; readonly values: (Buffer | null)[] };

/**
 * Takes a store's changelog, a chunk of records at a time, into its digest, and gives the changes to write to the
 * database. What a record replaces leaves the digest, so it has to be known; looking it up costs several times what the
 * rest does. Where the store was empty to begin with, a key that has not been met replaces nothing, and most need no look.
 */
export class ChangelogReplay {
  readonly #serde: Pick<Serde<unknown>, 'fingerprint' | 'framing'>;
  readonly #digest: Digest;
  readonly #database: Pick<Database, 'getMany'>;
  readonly #prefix: Buffer;
  readonly #seen: SeenKeys | undefined;

  /** `expectedKeys`: of a store that is empty; undefined where it holds something. */
  constructor(
    store: {
      readonly name: string;
      readonly digest: Digest;
      readonly serde: Pick<Serde<unknown>, 'fingerprint' | 'framing'>;
    },
    database: Pick<Database, 'getMany'>,
    expectedKeys: number | undefined,
  ) {
    this.#serde = store.serde;
    this.#digest = store.digest;
    this.#database = database;
    this.#prefix = storePrefix(store.name);
    this.#seen = expectedKeys === undefined ? undefined : new SeenKeys(expectedKeys);
  }

  /** The changes are to be written before the next chunk is taken, or on their way so that reads see them. */
  async take(records: ChangelogRecords): Promise<Change[]> {
    const { keys, values } = records;
    const names = this.#databaseKeys(keys);
    const replacing = this.#replacing(keys);
    const changes: Change[] = [];
    for (let i = 0; i < keys.length; i++) {
      if (replacing?.[i] === 1) continue;
      const value = values[i] as Buffer | null;
      if (value === null) continue;
      this.#digest.add(this.#hash(keys[i] as Buffer, value));
      changes.push({ key: names[i] as Buffer, value });
    }
    if (replacing !== undefined) await this.#replace(records, names, replacing, changes);
    return changes;
  }

  /** Marks the records that may replace something, be it an earlier one of the chunk, or may be replaced by a later one. */
  #replacing(keys: readonly Buffer[]): Uint8Array | undefined {
    if (this.#seen === undefined) return new Uint8Array(keys.length).fill(1);
    const hashes = new Int32Array(keys.length);
    const repeated = new Set<number>();
    for (let i = 0; i < keys.length; i++) {
      const hash = keyHash(keys[i] as Buffer);
      hashes[i] = hash;
      if (this.#seen.add(hash)) repeated.add(hash);
    }
    if (repeated.size === 0) return undefined;
    return Uint8Array.from(hashes, (hash) => (repeated.has(hash) ? 1 : 0));
  }

  /** Of the records marked, the last one of each key against what the store holds of it. */
  async #replace(
    { keys, values }: ChangelogRecords,
    names: readonly Buffer[],
    marked: Uint8Array,
    changes: Change[],
  ): Promise<void> {
    const newest = new Map<string, number>();
    for (let i = 0; i < keys.length; i++) {
      if (marked[i] === 1) newest.set((keys[i] as Buffer).toString('latin1'), i);
    }
    const indexes = [...newest.values()];
    const before = await this.#database.getMany(indexes.map((i) => names[i] as Buffer));
    for (const [at, i] of indexes.entries()) {
      const key = keys[i] as Buffer;
      const old = before[at] ?? null;
      const value = values[i] ?? null;
      if (old !== null) this.#digest.subtract(this.#hash(key, old));
      if (value !== null) this.#digest.add(this.#hash(key, value));
      changes.push({ key: names[i] as Buffer, value });
    }
  }

  #hash(key: Buffer, value: Buffer) {
    return entryHash(key, value, this.#serde.fingerprint, this.#serde.framing);
  }

  /** All in one piece of memory: an allocation for each would cost as much as writing them. */
  #databaseKeys(keys: readonly Buffer[]): Buffer[] {
    const prefix = this.#prefix;
    let bytes = 0;
    for (const key of keys) bytes += prefix.length + key.length;
    const all = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    return keys.map((key) => {
      const from = at;
      all.set(prefix, from);
      all.set(key, from + prefix.length);
      at += prefix.length + key.length;
      return all.subarray(from, at);
    });
  }
}
