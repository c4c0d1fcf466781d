import { crossKey } from '#features';
import { hashBytes, readUnsigned, unsignedBytes, writeUnsigned } from '#platform';
import { RowArena } from './row-arena.ts';
import { withRoom } from './scratch.ts';

/** A bundle that grows beyond this makes its owner's bundles twice as many. */
const MOST_ROWS = 64;
const MOST_DEPTH = 12;
/** Two varints of at most 5 bytes. */
const MOST_HEADER_BYTES = 10;
const NO_ROWS = Buffer.from([0]);

/** Where a row stands in its bundle. */
type Entry = { readonly start: number; readonly name: number; readonly row: number; readonly end: number };

/**
 * Encoded rows of several views. Those of an owner, a user or an item, lie together in bundles, each of them an entry of
 * an arena: one bundle at first, then 2^depth of them, told apart by the low bits of a hash of a row's name, which is
 * the view's number and the id of the other entity, if the view is of a crossed one.
 *
 *     u8      depth; that of the first bundle counts
 *     then for each row:
 *     varint  bytes of its name
 *     varint  bytes of the row
 *             the name, the row
 *
 * So a row costs a few bytes more than its own, where an entry for each would cost the user's id and a place of its own:
 * rows of a user and an item are many and small. And what is in a user's rows twice, such as the ids of items, is there
 * once when the bundle is packed. A change writes a bundle again, which stays small however many rows the owner has.
 */
export class BundledRows {
  readonly #bundles = new RowArena();
  #size = 0;
  /** The name that is looked up. */
  #name = Buffer.allocUnsafeSlow(512);
  #nameBytes = 0;
  #scratch = Buffer.allocUnsafeSlow(4096);

  get size(): number {
    return this.#size;
  }

  /** Memory held for all rows, live or not. */
  get bytes(): number {
    return this.#bundles.bytes;
  }

  /** Valid until the next call. `other` is '' where the view is not of a crossed entity. */
  get(view: number, owner: string, other: string): Buffer | undefined {
    this.#take(view, other);
    const { rows } = this.#bundleOf(owner);
    const entry = this.#find(rows);
    return entry && rows.subarray(entry.row, entry.end);
  }

  set(view: number, owner: string, other: string, row: Uint8Array): void {
    this.#take(view, other);
    const { index, depth, rows } = this.#bundleOf(owner);
    const entry = this.#find(rows);
    const isFull = entry === undefined && depth < MOST_DEPTH && countOf(rows) >= MOST_ROWS;
    let end = this.#copyWithout(rows, entry, MOST_HEADER_BYTES + this.#nameBytes + row.length);
    end = writeUnsigned(this.#scratch, end, this.#nameBytes);
    end = writeUnsigned(this.#scratch, end, row.length);
    end += this.#name.copy(this.#scratch, end, 0, this.#nameBytes);
    this.#scratch.set(row, end);
    this.#bundles.set(bundleKey(owner, index), this.#scratch.subarray(0, end + row.length));
    if (entry === undefined) this.#size++;
    if (isFull) this.#split(owner, depth);
  }

  delete(view: number, owner: string, other: string): void {
    this.#take(view, other);
    const { index, depth, rows } = this.#bundleOf(owner);
    const entry = this.#find(rows);
    if (entry === undefined) return;
    this.#size--;
    const end = this.#copyWithout(rows, entry, 0);
    if (end > NO_ROWS.length) this.#bundles.set(bundleKey(owner, index), this.#scratch.subarray(0, end));
    else this.#empty(owner, index, depth);
    // Nothing of a deleted row stays.
    this.#scratch.fill(0);
    this.#bundles.wipe();
  }

  #take(view: number, other: string): void {
    this.#name = withRoom(this.#name, 1 + 3 * other.length);
    this.#name[0] = view;
    this.#nameBytes = 1 + this.#name.write(other, 1);
  }

  /** The bundle of the name taken. */
  #bundleOf(owner: string): { index: number; depth: number; rows: Buffer } {
    const first = this.#bundles.get(owner) ?? NO_ROWS;
    const depth = first[0] as number;
    const index = depth === 0 ? 0 : hashBytes(this.#name, 0, this.#nameBytes) & (2 ** depth - 1);
    return { index, depth, rows: index === 0 ? first : this.#bundle(owner, index) };
  }

  #bundle(owner: string, index: number): Buffer {
    return this.#bundles.get(bundleKey(owner, index)) ?? NO_ROWS;
  }

  #find(rows: Buffer): Entry | undefined {
    for (let at = NO_ROWS.length; at < rows.length; ) {
      const entry = entryAt(rows, at);
      if (entry.row - entry.name === this.#nameBytes && this.#isName(rows, entry.name)) return entry;
      at = entry.end;
    }
    return undefined;
  }

  #isName(rows: Buffer, at: number): boolean {
    // From the end: ids that are numbered differ there.
    for (let i = this.#nameBytes - 1; i >= 0; i--) if (rows[at + i] !== this.#name[i]) return false;
    return true;
  }

  /** Copies all but `entry` to the scratch, gives their end, and sees that there is room for `more` bytes. */
  #copyWithout(rows: Buffer, entry: Entry | undefined, more: number): number {
    this.#scratch = withRoom(this.#scratch, rows.length + more);
    if (entry === undefined) return rows.copy(this.#scratch);
    const before = rows.copy(this.#scratch, 0, 0, entry.start);
    return before + rows.copy(this.#scratch, before, entry.end);
  }

  /** Makes two of each bundle. */
  #split(owner: string, depth: number): void {
    for (let index = 0; index < 2 ** depth; index++) {
      const rows = this.#bundle(owner, index);
      const halves: Buffer[][] = [[Buffer.from([depth + 1])], [Buffer.from([depth + 1])]];
      for (let at = NO_ROWS.length; at < rows.length; ) {
        const { name, row, end } = entryAt(rows, at);
        const half = (hashBytes(rows, name, row - name) >>> depth) & 1;
        halves[half]?.push(rows.subarray(at, end));
        at = end;
      }
      // Copied before the first of them is written over `rows`.
      for (const [half, bundle] of halves.map((parts) => Buffer.concat(parts)).entries()) {
        const key = bundleKey(owner, index + half * 2 ** depth);
        if (bundle.length > NO_ROWS.length || key === owner) this.#bundles.set(key, bundle);
        else this.#bundles.delete(key);
      }
    }
  }

  /** The first bundle goes last, because it says how many there are. */
  #empty(owner: string, index: number, depth: number): void {
    if (index === 0) this.#bundles.set(owner, Buffer.from([depth]));
    else this.#bundles.delete(bundleKey(owner, index));
    for (let other = 0; other < 2 ** depth; other++) {
      if (this.#bundle(owner, other).length > NO_ROWS.length) return;
    }
    this.#bundles.delete(owner);
  }
}

function bundleKey(owner: string, index: number): string {
  return index === 0 ? owner : crossKey(owner, String(index));
}

function entryAt(rows: Buffer, start: number): Entry {
  const nameBytes = readUnsigned(rows, start);
  const rowAt = start + unsignedBytes(nameBytes);
  const rowBytes = readUnsigned(rows, rowAt);
  const name = rowAt + unsignedBytes(rowBytes);
  return { start, name, row: name + nameBytes, end: name + nameBytes + rowBytes };
}

function countOf(rows: Buffer): number {
  let count = 0;
  for (let at = NO_ROWS.length; at < rows.length; at = entryAt(rows, at).end) count++;
  return count;
}
