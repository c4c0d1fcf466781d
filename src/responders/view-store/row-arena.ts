import { invariant } from '#platform';
import { hashBytes } from './hash-bytes.ts';

const SLAB_BYTES = 2 ** 20;
/** Two lengths of 32 bits: of the key, of the row. */
const HEADER_BYTES = 8;
/** Rows start at multiples of 4 bytes, so that a place is the slab's number in 14 bits and one of these in 18. */
const ALIGNMENT = 4;
const PLACE_BITS = 18;
const MOST_SLABS = 2 ** 14;
/** A full slab with less than this share of live bytes is emptied into the newest. */
const LEAST_LIVE = 0.75;
const LEAST_SLOTS = 1024;
const MOST_LOAD = 0.75;
const EMPTY = 0;

type Slab = { readonly number: number; readonly bytes: Buffer; used: number; live: number };

/**
 * Encoded rows by key, all of it outside the JavaScript heap: slabs of 1 MiB, written in order as a log-structured file
 * is (Rosenblum and Ousterhout, 1992), and a hash table with linear probing of the rows' places, 4 bytes a slot. A row
 * that is replaced leaves a gap; a slab that is mostly gaps is emptied: for each byte that this frees, three are moved at most.
 */
export class RowArena {
  /** Number 0 stays free: a place is never 0, which is an empty slot. */
  readonly #slabs: (Slab | undefined)[] = [undefined];
  readonly #freeNumbers: number[] = [];
  #open: Slab = this.#addSlab(SLAB_BYTES);
  #slots = new Uint32Array(LEAST_SLOTS);
  #size = 0;
  /** The key that is looked up, as UTF-8. */
  #key = Buffer.allocUnsafeSlow(512);
  #keyBytes = 0;

  get size(): number {
    return this.#size;
  }

  /** Memory held, live or not. */
  get bytes(): number {
    let total = this.#slots.byteLength;
    for (const slab of this.#slabs) total += slab?.bytes.length ?? 0;
    return total;
  }

  /** A view, valid for good: slabs are dropped, never written over. */
  get(key: string): Buffer | undefined {
    const place = this.#slots[this.#slotOf(key)] as number;
    if (place === EMPTY) return undefined;
    const { bytes } = this.#slabAt(place);
    const offset = offsetOf(place);
    const start = offset + HEADER_BYTES + bytes.readUInt32LE(offset);
    return bytes.subarray(start, start + bytes.readUInt32LE(offset + 4));
  }

  set(key: string, row: Uint8Array): void {
    if (this.#size >= MOST_LOAD * this.#slots.length) this.#grow();
    const slot = this.#slotOf(key);
    const replaced = this.#slots[slot] as number;
    this.#slots[slot] = this.#append(this.#key, 0, this.#keyBytes, row);
    if (replaced === EMPTY) this.#size++;
    else this.#discard(replaced);
  }

  delete(key: string): void {
    const slot = this.#slotOf(key);
    const place = this.#slots[slot] as number;
    if (place === EMPTY) return;
    this.#close(slot);
    this.#size--;
    this.#discard(place);
  }

  /** The slot of the key, or the empty one where it would go. Leaves the key's bytes in `#key`. */
  #slotOf(key: string): number {
    if (3 * key.length > this.#key.length) this.#key = Buffer.allocUnsafeSlow(6 * key.length);
    this.#keyBytes = this.#key.write(key);
    const mask = this.#slots.length - 1;
    let slot = hashBytes(this.#key, 0, this.#keyBytes) & mask;
    for (;;) {
      const place = this.#slots[slot] as number;
      if (place === EMPTY || this.#holdsKey(place)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #holdsKey(place: number): boolean {
    const { bytes } = this.#slabAt(place);
    const offset = offsetOf(place);
    if (bytes.readUInt32LE(offset) !== this.#keyBytes) return false;
    for (let i = 0; i < this.#keyBytes; i++) {
      if (bytes[offset + HEADER_BYTES + i] !== this.#key[i]) return false;
    }
    return true;
  }

  /** Empties a slot, and moves those behind it up that probing would not find any more (Knuth, volume 3, 6.4 R). */
  #close(slot: number): void {
    const mask = this.#slots.length - 1;
    let hole = slot;
    for (let next = (hole + 1) & mask; ; next = (next + 1) & mask) {
      const place = this.#slots[next] as number;
      if (place === EMPTY) break;
      const home = this.#hashAt(place) & mask;
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      this.#slots[hole] = place;
      hole = next;
    }
    this.#slots[hole] = EMPTY;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(2 * before.length);
    const mask = this.#slots.length - 1;
    for (const place of before) {
      if (place === EMPTY) continue;
      let slot = this.#hashAt(place) & mask;
      while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      this.#slots[slot] = place;
    }
  }

  #append(from: Buffer, keyStart: number, keyBytes: number, row: Uint8Array): number {
    const length = paddedLength(keyBytes, row.length);
    if (this.#open.used + length > this.#open.bytes.length) {
      this.#open = this.#addSlab(Math.max(SLAB_BYTES, length));
    }
    const slab = this.#open;
    const { bytes, used: offset } = slab;
    bytes.writeUInt32LE(keyBytes, offset);
    bytes.writeUInt32LE(row.length, offset + 4);
    from.copy(bytes, offset + HEADER_BYTES, keyStart, keyStart + keyBytes);
    bytes.set(row, offset + HEADER_BYTES + keyBytes);
    slab.used += length;
    slab.live += length;
    return placeOf(slab, offset);
  }

  #discard(place: number): void {
    const slab = this.#slabAt(place);
    slab.live -= lengthAt(slab, offsetOf(place));
    invariant(slab.live >= 0, 'a slab has no fewer than 0 live bytes');
    if (slab !== this.#open && slab.live < LEAST_LIVE * slab.bytes.length) this.#empty(slab);
  }

  #empty(slab: Slab): void {
    const { bytes, number } = slab;
    const mask = this.#slots.length - 1;
    for (let offset = 0; offset < slab.used; offset += lengthAt(slab, offset)) {
      const place = placeOf(slab, offset);
      let slot = this.#hashAt(place) & mask;
      while (this.#slots[slot] !== place && this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      if (this.#slots[slot] !== place) continue;
      const start = offset + HEADER_BYTES;
      const keyBytes = bytes.readUInt32LE(offset);
      const row = bytes.subarray(start + keyBytes, start + keyBytes + bytes.readUInt32LE(offset + 4));
      this.#slots[slot] = this.#append(bytes, start, keyBytes, row);
    }
    this.#slabs[number] = undefined;
    this.#freeNumbers.push(number);
  }

  #hashAt(place: number): number {
    const { bytes } = this.#slabAt(place);
    const offset = offsetOf(place);
    return hashBytes(bytes, offset + HEADER_BYTES, bytes.readUInt32LE(offset));
  }

  #slabAt(place: number): Slab {
    return this.#slabs[place >>> PLACE_BITS] as Slab;
  }

  #addSlab(length: number): Slab {
    const number = this.#freeNumbers.pop() ?? this.#slabs.length;
    invariant(number < MOST_SLABS, 'an arena holds no more than 16 GiB of rows');
    const slab = { number, bytes: Buffer.allocUnsafeSlow(length), used: 0, live: 0 };
    this.#slabs[number] = slab;
    return slab;
  }
}

function placeOf({ number }: Slab, offset: number): number {
  return ((number << PLACE_BITS) | (offset / ALIGNMENT)) >>> 0;
}

function offsetOf(place: number): number {
  return (place & (2 ** PLACE_BITS - 1)) * ALIGNMENT;
}

function lengthAt({ bytes }: Slab, offset: number): number {
  return paddedLength(bytes.readUInt32LE(offset), bytes.readUInt32LE(offset + 4));
}

function paddedLength(keyBytes: number, rowBytes: number): number {
  return Math.ceil((HEADER_BYTES + keyBytes + rowBytes) / ALIGNMENT) * ALIGNMENT;
}
