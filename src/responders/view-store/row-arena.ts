import { hashBytes } from '#platform';
import { withRoom } from './scratch.ts';
import { Slabs } from './slabs.ts';

const LEAST_SLOTS = 1024;
const MOST_LOAD = 0.75;
const EMPTY = 0;

/**
 * Encoded rows by key, all of it outside the JavaScript heap: slabs, and a hash table with linear probing of the rows'
 * places in them, 4 bytes a slot.
 */
export class RowArena {
  readonly #slabs = new Slabs((from, to) => {
    this.#slots[this.#slotOfPlace(from)] = to;
  });
  #slots = new Uint32Array(LEAST_SLOTS);
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
    return this.#slots.byteLength + this.#slabs.bytes;
  }

  /** A view, valid until the next call. */
  get(key: string): Buffer | undefined {
    const place = this.#slots[this.#slotOf(key)] as number;
    return place === EMPTY ? undefined : this.#slabs.row(place, this.#key, this.#keyBytes);
  }

  set(key: string, row: Uint8Array): void {
    if (this.#size >= MOST_LOAD * this.#slots.length) this.#grow();
    const slot = this.#slotOf(key);
    const replaced = this.#slots[slot] as number;
    this.#slots[slot] = this.#slabs.add(this.#key, this.#keyBytes, row);
    if (replaced === EMPTY) this.#size++;
    else this.#slabs.remove(replaced);
    this.#slabs.settle();
  }

  delete(key: string): void {
    const slot = this.#slotOf(key);
    const place = this.#slots[slot] as number;
    if (place === EMPTY) return;
    this.#close(slot);
    this.#size--;
    this.#slabs.remove(place);
    this.#slabs.settle();
  }

  /** Overwrites what reading and writing rows has left behind. */
  wipe(): void {
    this.#key.fill(0);
    this.#take('');
    this.#slabs.wipe();
  }

  /** The slot of the key, or the empty one where it would go. Leaves the key's bytes in `#key`. */
  #slotOf(key: string): number {
    if (key !== this.#text) this.#take(key);
    const mask = this.#slots.length - 1;
    let slot = this.#hash & mask;
    for (;;) {
      const place = this.#slots[slot] as number;
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

  /** The slot that holds the place. */
  #slotOfPlace(place: number): number {
    const mask = this.#slots.length - 1;
    let slot = this.#slabs.hashOfKey(place) & mask;
    while (this.#slots[slot] !== place) slot = (slot + 1) & mask;
    return slot;
  }

  /** Empties a slot, and moves those behind it up that probing would not find any more (Knuth, volume 3, 6.4 R). */
  #close(slot: number): void {
    const mask = this.#slots.length - 1;
    let hole = slot;
    for (let next = (hole + 1) & mask; ; next = (next + 1) & mask) {
      const place = this.#slots[next] as number;
      if (place === EMPTY) break;
      const home = this.#slabs.hashOfKey(place) & mask;
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
      let slot = this.#slabs.hashOfKey(place) & mask;
      while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      this.#slots[slot] = place;
    }
  }
}
