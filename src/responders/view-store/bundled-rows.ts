import { crossKey } from '#features';
import { hashBytes, readUnsigned, varintEnd, writeUnsigned } from '#platform';
import { NameFilter } from './name-filter.ts';
import { RowArena } from './row-arena.ts';
import { withRoom } from './scratch.ts';

/** A bundle that grows beyond this makes its owner's bundles twice as many. */
const MOST_ROWS = 64;
const MOST_DEPTH = 12;
/** So many rows that are looked up take as long as going through one more bundle. */
const ROWS_FOR_A_BUNDLE = 4;
/** Two varints of at most 5 bytes. */
const MOST_HEADER_BYTES = 10;
const NO_ROWS = Buffer.from([0]);

/** Where the row that was read last stands in its bundle: an object for each would be a third of what reading a topic allocates. */
const entry = { start: 0, name: 0, row: 0, end: 0 };

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
  readonly #names = new NameFilter();
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
    return this.#find(rows) ? rows.subarray(entry.row, entry.end) : undefined;
  }

  /**
   * As `get` for each of many others: `found` is told where in the list a row is of, and has it until it
   * returns. An owner's bundles are gone through once, unless they are so many that looking each row up takes less.
   */
  each(
    view: number,
    owner: string,
    others: readonly string[],
    found: (place: number, row: Buffer) => void,
  ): void {
    const first = this.#bundles.get(owner);
    if (first === undefined) return;
    const bundles = 2 ** (first[0] as number);
    const areMany = bundles * ROWS_FOR_A_BUNDLE > Math.max(others.length, ROWS_FOR_A_BUNDLE);
    if (areMany) {
      others.forEach((other, place) => {
        const row = this.get(view, owner, other);
        if (row !== undefined) found(place, row);
      });
      return;
    }
    this.#names.take(others);
    for (let index = 0; index < bundles; index++) {
      const rows = index === 0 ? first : this.#bundle(owner, index);
      for (let at = NO_ROWS.length; at < rows.length; ) {
        readEntry(rows, at);
        const { name, row, end } = entry;
        at = end;
        if (rows[name] !== view || !this.#names.mayHave(rows, name + 1, row)) continue;
        // Few get here, so that no table of the others is made for them.
        const other = rows.toString('utf8', name + 1, row);
        for (let place = others.indexOf(other); place >= 0; place = others.indexOf(other, place + 1))
          found(place, rows.subarray(row, end));
      }
    }
  }

  set(view: number, owner: string, other: string, row: Uint8Array): void {
    this.#take(view, other);
    const { index, depth, rows } = this.#bundleOf(owner);
    const isNew = !this.#find(rows);
    let end = this.#copyWithout(rows, isNew, MOST_HEADER_BYTES + this.#nameBytes + row.length);
    end = writeUnsigned(this.#scratch, end, this.#nameBytes);
    end = writeUnsigned(this.#scratch, end, row.length);
    end += this.#name.copy(this.#scratch, end, 0, this.#nameBytes);
    this.#scratch.set(row, end);
    const isFull = isNew && depth < MOST_DEPTH && countOf(rows) >= MOST_ROWS;
    this.#bundles.set(bundleKey(owner, index), this.#scratch.subarray(0, end + row.length));
    if (isNew) this.#size++;
    if (isFull) this.#split(owner, depth);
  }

  delete(view: number, owner: string, other: string): void {
    this.#take(view, other);
    const { index, depth, rows } = this.#bundleOf(owner);
    if (!this.#find(rows)) return;
    this.#size--;
    const end = this.#copyWithout(rows, false, 0);
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

  /** Whether a row has the name that was taken; `entry` says where it is. */
  #find(rows: Buffer): boolean {
    for (let at = NO_ROWS.length; at < rows.length; at = entry.end) {
      readEntry(rows, at);
      if (entry.row - entry.name === this.#nameBytes && this.#isName(rows, entry.name)) return true;
    }
    return false;
  }

  #isName(rows: Buffer, at: number): boolean {
    // From the end: ids that are numbered differ there.
    for (let i = this.#nameBytes - 1; i >= 0; i--) if (rows[at + i] !== this.#name[i]) return false;
    return true;
  }

  /** Copies all rows, or all but `entry`, to the scratch, gives their end, and sees that there is room for `more` bytes. */
  #copyWithout(rows: Buffer, isWhole: boolean, more: number): number {
    this.#scratch = withRoom(this.#scratch, rows.length + more);
    if (isWhole) return rows.copy(this.#scratch);
    const before = rows.copy(this.#scratch, 0, 0, entry.start);
    return before + rows.copy(this.#scratch, before, entry.end);
  }

  /** Makes two of each bundle. */
  #split(owner: string, depth: number): void {
    for (let index = 0; index < 2 ** depth; index++) {
      const rows = this.#bundle(owner, index);
      const halves: Buffer[][] = [[Buffer.from([depth + 1])], [Buffer.from([depth + 1])]];
      for (let at = NO_ROWS.length; at < rows.length; ) {
        readEntry(rows, at);
        const { name, row, end } = entry;
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

function readEntry(rows: Buffer, start: number): void {
  const nameBytes = readUnsigned(rows, start);
  const rowBytes = readUnsigned(rows, varintEnd);
  entry.start = start;
  entry.name = varintEnd;
  entry.row = entry.name + nameBytes;
  entry.end = entry.row + rowBytes;
}

function countOf(rows: Buffer): number {
  let count = 0;
  for (let at = NO_ROWS.length; at < rows.length; at = entry.end) {
    readEntry(rows, at);
    count++;
  }
  return count;
}
