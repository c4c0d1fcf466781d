import { giveMemory, takeMemory } from '#log';
import { prefixedKey } from './database-keys.ts';
import type { Change, HeldChanges } from './port.ts';

/**
 * A key whose owner keeps it in memory until its newest committed value is in the database: nobody asks the database for
 * it before.
 */
export type HeldKey = {
  readonly key: string;
  /** Event time of its newest change. */
  timestamp: number;
  /** What holds that value, and as which change; undefined where no commit has changed the key. */
  changes: StoreChanges | undefined;
  change: number;
};

/** Writes a value from a place on; gives its end, or the number of bytes that are missing there, negated. */
type WriteInto = (target: Buffer, at: number) => number;

const DELETED = -1;
const SMALLEST_BYTES = 1024;
const NONE = Buffer.alloc(0);

/**
 * What one commit has changed in a store: the values in one run of bytes, the keys those of the store's cache. As objects
 * thousands of changes a commit would wait for the database, and a garbage collector would carry them along.
 */
export class StoreChanges implements HeldChanges {
  readonly #prefix: Buffer;
  readonly #keys: HeldKey[] = [];
  readonly #starts: number[] = [];
  /** DELETED where the key is. */
  readonly #lengths: number[] = [];
  #bytes: Buffer<ArrayBuffer>;
  #end = 0;
  #state: 'uncommitted' | 'waiting' | 'sealed' | 'written' = 'uncommitted';

  /** Changes of the store whose database keys begin with `prefix`; `bytes`: how many its values are likely to take. */
  constructor(prefix: Buffer, bytes: number) {
    this.#prefix = prefix;
    this.#bytes = Buffer.from(takeMemory(Math.max(bytes, SMALLEST_BYTES)));
  }

  get length(): number {
    return this.#keys.length;
  }

  /** Bytes of all values. */
  get byteLength(): number {
    return this.#end;
  }

  /** Whether the database does not have them yet. */
  get isHeld(): boolean {
    return this.#state === 'waiting' || this.#state === 'sealed';
  }

  add(key: HeldKey, write: WriteInto): void {
    const start = this.#end;
    let end = write(this.#bytes, start);
    while (end < 0) {
      this.#grow(this.#bytes.length - end);
      end = write(this.#bytes, start);
    }
    this.#end = end;
    this.#push(key, start, end - start);
  }

  addDeletion(key: HeldKey): void {
    this.#push(key, this.#end, DELETED);
  }

  key(index: number): HeldKey {
    return this.#keys[index] as HeldKey;
  }

  /** The bytes of all values, and where one begins in them. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  start(index: number): number {
    return this.#starts[index] as number;
  }

  /** Over `bytes`, which hold something else once they are written. */
  value(index: number): Buffer | null {
    const length = this.#lengths[index] as number;
    if (length === DELETED) return null;
    const start = this.#starts[index] as number;
    return this.#bytes.subarray(start, start + length);
  }

  isDeletion(index: number): boolean {
    return this.#lengths[index] === DELETED;
  }

  /** Copies a value to a place, as WriteInto. */
  readonly copyInto = (index: number, target: Buffer, at: number): number => {
    const start = this.#starts[index] as number;
    const length = this.#lengths[index] as number;
    if (at + length > target.length) return target.length - at - length;
    this.#bytes.copy(target, at, start, start + length);
    return at + length;
  };

  hold(): number {
    this.#state = 'waiting';
    let added = 0;
    for (let i = 0; i < this.#keys.length; i++) {
      const key = this.#keys[i] as HeldKey;
      if (key.changes === undefined || key.changes.#state !== 'waiting') added++;
      key.changes = this;
      key.change = i;
    }
    return added;
  }

  seal(): Change[] {
    if (this.#state === 'uncommitted') this.hold();
    this.#state = 'sealed';
    const changes: Change[] = [];
    for (let i = 0; i < this.#keys.length; i++) {
      const key = this.#keys[i] as HeldKey;
      if (key.changes === this && key.change === i) changes.push(this.#change(key, i));
    }
    return changes;
  }

  written(): void {
    this.#state = 'written';
    // Keys that are in memory still point here.
    giveMemory(this.#bytes.buffer);
    this.#bytes = NONE;
    this.#keys.length = 0;
  }

  #change({ key }: HeldKey, index: number): Change {
    return { key: prefixedKey(this.#prefix, key), value: this.value(index) };
  }

  #push(key: HeldKey, start: number, length: number): void {
    this.#keys.push(key);
    this.#starts.push(start);
    this.#lengths.push(length);
  }

  #grow(needed: number): void {
    const bytes = Buffer.from(takeMemory(Math.max(needed, 2 * this.#bytes.length)));
    this.#bytes.copy(bytes, 0, 0, this.#end);
    giveMemory(this.#bytes.buffer);
    this.#bytes = bytes;
  }
}
