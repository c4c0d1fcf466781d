import { textHash } from './seen-keys.ts';

const FEWEST_SLOTS = 1024;

/**
 * Entries by their keys, for looks at many at once. A look at one key of a large map waits for memory four times, one after
 * the other: slot, entry, its key, what it holds. Here each of these is a loop over all keys, and the processor waits for many
 * of them together: 120 ns a key of 100,000, where `Map.get` takes 320. Open addressing with linear probing; what is deleted
 * leaves no mark (Knuth, The Art of Computer Programming 6.4, algorithm R).
 */
export class KeyTable<E extends { readonly key: string }> {
  /** By slot: the hash of a key, and the place of its entry + 1; 0 where the slot is free. At most half of them are taken. */
  #slots = new Int32Array(2 * FEWEST_SLOTS);
  #mask = FEWEST_SLOTS - 1;
  readonly #entries: (E | undefined)[] = [];
  readonly #freePlaces: number[] = [];
  /** Hashes of the keys looked up. */
  #hashes = new Int32Array(FEWEST_SLOTS);
  #places = new Int32Array(FEWEST_SLOTS);
  /** Keys of what was found. */
  readonly #keys: string[] = [];

  get size(): number {
    return this.#entries.length - this.#freePlaces.length;
  }

  get(key: string): E | undefined {
    const slot = this.#slotOf(key, textHash(key));
    return slot < 0 ? undefined : this.#entryIn(slot);
  }

  /** Fills `found` with the entries of the first `count` keys. */
  getMany(keys: readonly string[], count: number, found: (E | undefined)[]): void {
    if (count > this.#hashes.length) {
      this.#hashes = new Int32Array(2 * count);
      this.#places = new Int32Array(2 * count);
    }
    const [hashes, places, slots, mask] = [this.#hashes, this.#places, this.#slots, this.#mask];
    for (let i = 0; i < count; i++) hashes[i] = textHash(keys[i] as string);
    for (let i = 0; i < count; i++) {
      const hash = hashes[i] as number;
      let slot = hash & mask;
      while (slots[2 * slot + 1] !== 0 && slots[2 * slot] !== hash) slot = (slot + 1) & mask;
      places[i] = slots[2 * slot + 1] as number;
    }
    for (let i = 0; i < count; i++) {
      const place = places[i] as number;
      const entry = place === 0 ? undefined : (this.#entries[place - 1] as E);
      found[i] = entry;
      this.#keys[i] = entry === undefined ? '' : entry.key;
    }
    for (let i = 0; i < count; i++) {
      const key = keys[i] as string;
      // Another key of the same hash.
      if (this.#keys[i] !== key && found[i] !== undefined) found[i] = this.get(key);
    }
  }

  /** Its key must not be there yet. */
  add(entry: E): void {
    if (2 * (this.size + 1) > this.#mask + 1) this.#grow();
    const place = this.#freePlaces.pop() ?? this.#entries.length;
    this.#entries[place] = entry;
    this.#take(textHash(entry.key), place + 1);
  }

  delete(key: string): void {
    const slots = this.#slots;
    let free = this.#slotOf(key, textHash(key));
    if (free < 0) return;
    const place = (slots[2 * free + 1] as number) - 1;
    this.#entries[place] = undefined;
    this.#freePlaces.push(place);
    // Later entries move up, but not before the slot of their hash.
    for (let slot = this.#next(free); slots[2 * slot + 1] !== 0; slot = this.#next(slot)) {
      const home = (slots[2 * slot] as number) & this.#mask;
      if (((slot - home) & this.#mask) < ((slot - free) & this.#mask)) continue;
      slots[2 * free] = slots[2 * slot] as number;
      slots[2 * free + 1] = slots[2 * slot + 1] as number;
      free = slot;
    }
    slots[2 * free + 1] = 0;
  }

  clear(): void {
    this.#slots.fill(0);
    this.#entries.length = 0;
    this.#freePlaces.length = 0;
  }

  #slotOf(key: string, hash: number): number {
    const slots = this.#slots;
    for (let slot = hash & this.#mask; slots[2 * slot + 1] !== 0; slot = this.#next(slot))
      if (slots[2 * slot] === hash && this.#entryIn(slot).key === key) return slot;
    return -1;
  }

  #entryIn(slot: number): E {
    return this.#entries[(this.#slots[2 * slot + 1] as number) - 1] as E;
  }

  #next(slot: number): number {
    return (slot + 1) & this.#mask;
  }

  #take(hash: number, place: number): void {
    let slot = hash & this.#mask;
    while (this.#slots[2 * slot + 1] !== 0) slot = this.#next(slot);
    this.#slots[2 * slot] = hash;
    this.#slots[2 * slot + 1] = place;
  }

  #grow(): void {
    const slots = this.#slots;
    this.#slots = new Int32Array(2 * slots.length);
    this.#mask = slots.length - 1;
    for (let i = 0; i < slots.length; i += 2)
      if (slots[i + 1] !== 0) this.#take(slots[i] as number, slots[i + 1] as number);
  }
}
