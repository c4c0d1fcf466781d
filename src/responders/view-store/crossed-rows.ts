import { crossKey, splitCrossKey } from '#features';
import { hashBytes } from './hash-bytes.ts';
import { RowArena } from './row-arena.ts';

/** A chunk that grows beyond this makes its user's chunks twice as many. */
const MOST_ROWS = 32;
const MOST_DEPTH = 12;
/** Two varints of at most 5 bytes. */
const MOST_HEADER_BYTES = 10;
const NO_ROWS = Buffer.from([0]);

/** Where a row stands in its chunk. */
type Entry = { readonly start: number; readonly id: number; readonly row: number; readonly end: number };

/**
 * Encoded rows of crossed entities, by cross key. Those of a user lie together in chunks, each of them an entry of an
 * arena: one chunk at first, then 2^depth of them, told apart by the low bits of a hash of the other entity's id.
 *
 *     u8      depth; that of the first chunk counts
 *     then for each row:
 *     varint  bytes of the other entity's id
 *     varint  bytes of the row
 *             the id, the row
 *
 * So a row costs a few bytes more than its own, where an entry for each would cost the user's id and a place of its own:
 * rows of a user and an item are many and small. A change writes a chunk anew, which stays small however many rows the
 * user has.
 */
export class CrossedRows {
  readonly #chunks = new RowArena();
  #size = 0;
  /** The other entity's id that is looked up, as UTF-8. */
  #id = Buffer.allocUnsafeSlow(512);
  #idBytes = 0;
  #scratch = Buffer.allocUnsafeSlow(4096);

  get size(): number {
    return this.#size;
  }

  /** Memory held, live or not. */
  get bytes(): number {
    return this.#chunks.bytes;
  }

  /** A view, valid for good. */
  get(key: string): Buffer | undefined {
    const [user, other] = splitCrossKey(key);
    this.#take(other);
    const { rows } = this.#chunkOf(user);
    const entry = this.#find(rows);
    return entry && rows.subarray(entry.row, entry.end);
  }

  set(key: string, row: Uint8Array): void {
    const [user, other] = splitCrossKey(key);
    this.#take(other);
    const { index, depth, rows } = this.#chunkOf(user);
    const entry = this.#find(rows);
    let end = this.#copyWithout(rows, entry, MOST_HEADER_BYTES + this.#idBytes + row.length);
    end = writeVarint(this.#scratch, end, this.#idBytes);
    end = writeVarint(this.#scratch, end, row.length);
    end += this.#id.copy(this.#scratch, end, 0, this.#idBytes);
    this.#scratch.set(row, end);
    this.#chunks.set(chunkKey(user, index), this.#scratch.subarray(0, end + row.length));
    if (entry !== undefined) return;
    this.#size++;
    if (depth < MOST_DEPTH && countOf(rows) >= MOST_ROWS) this.#split(user, depth);
  }

  delete(key: string): void {
    const [user, other] = splitCrossKey(key);
    this.#take(other);
    const { index, depth, rows } = this.#chunkOf(user);
    const entry = this.#find(rows);
    if (entry === undefined) return;
    this.#size--;
    const end = this.#copyWithout(rows, entry, 0);
    if (end > NO_ROWS.length) this.#chunks.set(chunkKey(user, index), this.#scratch.subarray(0, end));
    else this.#empty(user, index, depth);
  }

  #take(other: string): void {
    if (3 * other.length > this.#id.length) this.#id = Buffer.allocUnsafeSlow(6 * other.length);
    this.#idBytes = this.#id.write(other);
  }

  /** The chunk of the id taken. */
  #chunkOf(user: string): { index: number; depth: number; rows: Buffer } {
    const first = this.#chunks.get(user) ?? NO_ROWS;
    const depth = first[0] as number;
    const index = hashBytes(this.#id, 0, this.#idBytes) & (2 ** depth - 1);
    return { index, depth, rows: index === 0 ? first : this.#chunk(user, index) };
  }

  #chunk(user: string, index: number): Buffer {
    return this.#chunks.get(chunkKey(user, index)) ?? NO_ROWS;
  }

  #find(rows: Buffer): Entry | undefined {
    for (let at = NO_ROWS.length; at < rows.length; ) {
      const entry = entryAt(rows, at);
      if (entry.row - entry.id === this.#idBytes && this.#isId(rows, entry.id)) return entry;
      at = entry.end;
    }
    return undefined;
  }

  #isId(rows: Buffer, at: number): boolean {
    // From the end: ids that are numbered differ there.
    for (let i = this.#idBytes - 1; i >= 0; i--) if (rows[at + i] !== this.#id[i]) return false;
    return true;
  }

  /** Copies all but `entry` to the scratch, gives their end, and sees that there is room for `more` bytes. */
  #copyWithout(rows: Buffer, entry: Entry | undefined, more: number): number {
    const most = rows.length + more;
    if (most > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(2 * most);
    if (entry === undefined) return rows.copy(this.#scratch);
    const before = rows.copy(this.#scratch, 0, 0, entry.start);
    return before + rows.copy(this.#scratch, before, entry.end);
  }

  /** Makes two of each chunk. */
  #split(user: string, depth: number): void {
    for (let index = 0; index < 2 ** depth; index++) {
      const rows = this.#chunk(user, index);
      const halves: Buffer[][] = [[Buffer.from([depth + 1])], [Buffer.from([depth + 1])]];
      for (let at = NO_ROWS.length; at < rows.length; ) {
        const { id, row, end } = entryAt(rows, at);
        const half = (hashBytes(rows, id, row - id) >>> depth) & 1;
        halves[half]?.push(rows.subarray(at, end));
        at = end;
      }
      for (const [half, parts] of halves.entries()) {
        const key = chunkKey(user, index + half * 2 ** depth);
        if (parts.length > 1 || key === user) this.#chunks.set(key, Buffer.concat(parts));
        else this.#chunks.delete(key);
      }
    }
  }

  /** The first chunk goes last, because it says how many there are. */
  #empty(user: string, index: number, depth: number): void {
    if (index === 0) this.#chunks.set(user, Buffer.from([depth]));
    else this.#chunks.delete(chunkKey(user, index));
    for (let other = 0; other < 2 ** depth; other++) {
      if (this.#chunk(user, other).length > NO_ROWS.length) return;
    }
    this.#chunks.delete(user);
  }
}

function chunkKey(user: string, index: number): string {
  return index === 0 ? user : crossKey(user, String(index));
}

function entryAt(rows: Buffer, start: number): Entry {
  const idBytes = readVarint(rows, start);
  const rowAt = start + varintBytes(idBytes);
  const rowBytes = readVarint(rows, rowAt);
  const id = rowAt + varintBytes(rowBytes);
  return { start, id, row: id + idBytes, end: id + idBytes + rowBytes };
}

function countOf(rows: Buffer): number {
  let count = 0;
  for (let at = NO_ROWS.length; at < rows.length; at = entryAt(rows, at).end) count++;
  return count;
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let end = at;
  for (; rest > 0x7f; rest >>>= 7) bytes[end++] = (rest & 0x7f) | 0x80;
  bytes[end++] = rest;
  return end;
}

function readVarint(bytes: Buffer, at: number): number {
  let value = 0;
  for (let i = at, shift = 0; ; i++, shift += 7) {
    const byte = bytes[i] as number;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}
