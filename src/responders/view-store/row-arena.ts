import { hashBytes } from '#platform';
import { withRoom } from './scratch.ts';
import { Slabs } from './slabs.ts';

/** Each grows by itself, so that requests wait for a small part of all rows at most when one does. */
const TABLES = 64;
/** A table is chosen by the highest bits of the hash, a slot in it by the lowest. */
const TABLE_SHIFT = 26;
const LEAST_SLOTS = 64;
const MOST_LOAD = 0.75;
const EMPTY = 0;

/**
 * Encoded rows by key, all of it outside the JavaScript heap: slabs, and hash tables with linear probing of the rows'
 * places in them, 4 bytes a slot.
 */
export class RowArena {
  readonly #slabs = new Slabs((from, to) => {
    const hash = this.#slabs.hashOfKey(from);
    const slots = this.#tableOf(hash);
    slots[slotOfPlace(slots, hash, from)] = to;
  });
  readonly #tables = Array.from({ length: TABLES }, () => new Uint32Array(LEAST_SLOTS));
  /** Rows by table. */
  readonly #sizes = new Uint32Array(TABLES);
  #size = 0;
  /** The key that was looked up last, as text and as UTF-8, and its hash: who reads a row will often write it next. */
  #text = '';
  #key = Buffer.allocUnsafeSlow(512);
  #keyBytes = 0;
  #hash = hashBytes(this.#key, 0, 0);

  get size(): number {
    return this.#size;
  }

  /** Memory held, live or not. */
  get bytes(): number {
    return this.#tables.reduce((sum, slots) => sum + slots.byteLength, this.#slabs.bytes);
  }

  /** A view, valid until the next call. */
  get(key: string): Buffer | undefined {
    const slot = this.#slotOf(key);
    const place = this.#tableOf(this.#hash)[slot] as number;
    return place === EMPTY ? undefined : this.#slabs.row(place, this.#key, this.#keyBytes);
  }

  set(key: string, row: Uint8Array): void {
    let slot = this.#slotOf(key);
    const table = this.#hash >>> TABLE_SHIFT;
    let slots = this.#tableOf(this.#hash);
    if ((this.#sizes[table] as number) >= MOST_LOAD * slots.length) {
      slots = this.#grow(table);
      slot = this.#slotOf(key);
    }
    const replaced = slots[slot] as number;
    slots[slot] = this.#slabs.add(this.#key, this.#keyBytes, row);
    if (replaced === EMPTY) this.#count(table, 1);
    else this.#slabs.remove(replaced);
    this.#slabs.settle();
  }

  delete(key: string): void {
    const slot = this.#slotOf(key);
    const slots = this.#tableOf(this.#hash);
    const place = slots[slot] as number;
    if (place === EMPTY) return;
    this.#close(slots, slot);
    this.#count(this.#hash >>> TABLE_SHIFT, -1);
    this.#slabs.remove(place);
    this.#slabs.settle();
  }

  /** Overwrites what reading and writing rows has left behind. */
  wipe(): void {
    this.#key.fill(0);
    this.#take('');
    this.#slabs.wipe();
  }

  #tableOf(hash: number): Uint32Array {
    return this.#tables[hash >>> TABLE_SHIFT] as Uint32Array;
  }

  #count(table: number, rows: number): void {
    this.#sizes[table] = (this.#sizes[table] as number) + rows;
    this.#size += rows;
  }

  /** The slot of the key in the table of its hash, or the empty one where it would go. Leaves the key's bytes in `#key`. */
  #slotOf(key: string): number {
    if (key !== this.#text) this.#take(key);
    const slots = this.#tableOf(this.#hash);
    const mask = slots.length - 1;
    let slot = this.#hash & mask;
    for (;;) {
      const place = slots[slot] as number;
      if (place === EMPTY || this.#slabs.hasKey(place, this.#key, this.#keyBytes)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #take(key: string): void {
    this.#key = withRoom(this.#key, 3 * key.length);
    this.#keyBytes = this.#key.write(key);
    this.#hash = hashBytes(this.#key, 0, this.#keyBytes);
    this.#text = key;
  }

  /** Empties a slot, and moves up later entries that probing would no longer find (Knuth, volume 3, 6.4 R). */
  #close(slots: Uint32Array, slot: number): void {
    const mask = slots.length - 1;
    let hole = slot;
    for (let next = (hole + 1) & mask; ; next = (next + 1) & mask) {
      const place = slots[next] as number;
      if (place === EMPTY) break;
      const home = this.#slabs.hashOfKey(place) & mask;
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      slots[hole] = place;
      hole = next;
    }
    slots[hole] = EMPTY;
  }

  #grow(table: number): Uint32Array {
    const before = this.#tables[table] as Uint32Array;
    const slots = new Uint32Array(2 * before.length);
    const mask = slots.length - 1;
    for (const place of before) {
      if (place === EMPTY) continue;
      let slot = this.#slabs.hashOfKey(place) & mask;
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot] = place;
    }
    this.#tables[table] = slots;
    return slots;
  }
}

function slotOfPlace(slots: Uint32Array, hash: number, place: number): number {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== place) slot = (slot + 1) & mask;
  return slot;
}
