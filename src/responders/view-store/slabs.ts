import { hashBytes, invariant } from '#platform';
import { Packing } from './packing.ts';

const SLAB_BYTES = 2 ** 18;
/** The bytes of the key, the bytes of the row, 32 bits each. */
const HEADER_BYTES = 8;
/** In place of the key's length: the entry is gone, and the row's length is that of all that follows. */
const GONE = 0xffff_ffff;
const WORD_BYTES = 4;
/** Entries start at words, so that a place is the slab's number in 16 bits and the word's in 16. */
const PLACE_BITS = 16;
const WORD_MASK = 2 ** PLACE_BITS - 1;
const MOST_SLABS = 2 ** 16;
/** A longer entry has a slab of its own. */
const MOST_SHARED_BYTES = SLAB_BYTES / 4;
const MOST_LOOSE_BYTES = 2 ** 24;
/** A full slab of packed entries with less than this share of live bytes is emptied. */
const LEAST_LIVE = 0.8;
/** Emptied slabs whose memory is kept for the next ones. */
const MOST_SPARE = 4;

type Generation = 'loose' | 'packed';

type Slab = {
  readonly number: number;
  readonly bytes: Buffer;
  /** The same memory. */
  readonly words: Uint32Array;
  readonly generation: Generation;
  used: number;
  live: number;
};

/**
 * Entries of a key and a row in slabs of 256 KiB, outside the JavaScript heap, which are written in order as a
 * log-structured file is (Rosenblum and Ousterhout, 1992). There are two generations. What is written stays loose at first,
 * as it is, because what has changed is what changes next; what is left of a slab when 16 MiB have been written since is
 * packed. A slab of packed entries that is a fifth gaps is emptied into the newest: for each byte that this frees, four
 * are moved at most. So the memory held is 18 MiB, and 1.25 times what the packed entries need, at most; where entries are
 * so long that less than four fit a slab, 1.7 times. With a Buffer for each entry in a Map, packed all the same, a process takes
 * 3,640 bytes a user of `npm run bench -- features-online` where it takes 1,390, needs 2.7 times as long to read the topics, and
 * 203 ms for a full garbage collection in place of 46.
 *
 * The bytes of an entry that is removed, and those that it leaves when it moves, are overwritten at once.
 */
export class Slabs {
  /** Number 0 stays free: a place is never 0. */
  readonly #slabs: (Slab | undefined)[] = [undefined];
  readonly #freeNumbers: number[] = [];
  readonly #spare: Buffer[] = [];
  readonly #open: Record<Generation, Slab>;
  /** Full ones, the oldest first. */
  readonly #loose: Slab[] = [];
  #looseBytes = 0;
  /** Full ones of packed entries that are to be emptied. */
  readonly #sparse: Slab[] = [];
  /** The last packed value read: the rows of a user are requested one after another. */
  #unpacked: { readonly place: number; readonly row: Buffer } | undefined;
  readonly #packing = new Packing();
  readonly #moved: (from: number, to: number) => void;

  /** `moved` is told of an entry that has moved, while it can be read in both places. */
  constructor(moved: (from: number, to: number) => void) {
    this.#moved = moved;
    this.#open = {
      loose: this.#addSlab(SLAB_BYTES, 'loose'),
      packed: this.#addSlab(SLAB_BYTES, 'packed'),
    };
  }

  /** Memory held, live or not. */
  get bytes(): number {
    let total = SLAB_BYTES * this.#spare.length;
    for (const slab of this.#slabs) total += slab?.bytes.length ?? 0;
    return total;
  }

  /** Returns the place. */
  add(key: Buffer, keyBytes: number, row: Uint8Array): number {
    return this.#append('loose', key, 0, keyBytes, row);
  }

  remove(place: number): void {
    this.#unpacked = undefined;
    const slab = this.#slabAt(place);
    const { bytes, words } = slab;
    const word = place & WORD_MASK;
    const length = lengthAt(words, word);
    words[word] = GONE;
    words[word + 1] = length - HEADER_BYTES;
    const offset = word * WORD_BYTES;
    bytes.fill(0, offset + HEADER_BYTES, offset + length);
    const wasSparse = isSparse(slab);
    slab.live -= length;
    invariant(slab.live >= 0, 'a slab has no fewer than 0 live bytes');
    const isFull = slab.generation === 'packed' && slab !== this.#open.packed;
    if (isFull && isSparse(slab) && !wasSparse) this.#sparse.push(slab);
  }

  /** Packs what has been loose for long enough, and closes gaps: entries move. To be called after each change. */
  settle(): void {
    for (let slab = this.#nextToEmpty(); slab !== undefined; slab = this.#nextToEmpty()) this.#empty(slab);
  }

  /** Overwrites what working on entries has left behind. */
  wipe(): void {
    this.#unpacked = undefined;
    this.#packing.wipe();
  }

  /** The row of the entry, which has this key: what is packed is unpacked by it. Holds until the next call. */
  row(place: number, key: Buffer, keyBytes: number): Buffer {
    const { bytes, words, generation } = this.#slabAt(place);
    const word = place & WORD_MASK;
    const start = word * WORD_BYTES + HEADER_BYTES + keyBytes;
    if (generation === 'loose') return bytes.subarray(start, start + (words[word + 1] as number));
    if (this.#unpacked?.place === place) return this.#unpacked.row;
    const row = this.#packing.unpack(bytes, start, key, keyBytes);
    this.#unpacked = { place, row };
    return row;
  }

  hasKey(place: number, key: Buffer, keyBytes: number): boolean {
    const { bytes, words } = this.#slabAt(place);
    const word = place & WORD_MASK;
    if (words[word] !== keyBytes) return false;
    const start = word * WORD_BYTES + HEADER_BYTES;
    for (let i = 0; i < keyBytes; i++) if (bytes[start + i] !== key[i]) return false;
    return true;
  }

  hashOfKey(place: number): number {
    const { bytes, words } = this.#slabAt(place);
    const word = place & WORD_MASK;
    return hashBytes(bytes, word * WORD_BYTES + HEADER_BYTES, words[word] as number);
  }

  #append(generation: Generation, from: Buffer, keyStart: number, keyBytes: number, row: Uint8Array): number {
    const length = paddedLength(keyBytes + row.length);
    const slab = this.#slabFor(generation, length);
    const { bytes, words, used: offset } = slab;
    const word = offset / WORD_BYTES;
    words[word] = keyBytes;
    words[word + 1] = row.length;
    from.copy(bytes, offset + HEADER_BYTES, keyStart, keyStart + keyBytes);
    bytes.set(row, offset + HEADER_BYTES + keyBytes);
    slab.used += length;
    slab.live += length;
    return placeOf(slab, word);
  }

  #slabFor(generation: Generation, bytes: number): Slab {
    if (bytes > MOST_SHARED_BYTES) {
      const own = this.#addSlab(bytes, generation);
      this.#close(own);
      return own;
    }
    const open = this.#open[generation];
    if (open.used + bytes <= SLAB_BYTES) return open;
    this.#open[generation] = this.#addSlab(SLAB_BYTES, generation);
    this.#close(open);
    return this.#open[generation];
  }

  #close(slab: Slab): void {
    if (slab.generation === 'loose') {
      this.#loose.push(slab);
      this.#looseBytes += slab.bytes.length;
    } else if (isSparse(slab)) this.#sparse.push(slab);
  }

  #nextToEmpty(): Slab | undefined {
    const sparse = this.#sparse.pop();
    if (sparse !== undefined || this.#looseBytes <= MOST_LOOSE_BYTES) return sparse;
    const oldest = this.#loose.shift();
    this.#looseBytes -= oldest?.bytes.length ?? 0;
    return oldest;
  }

  /** Packs what is live in it, or moves it packed as it is. */
  #empty(slab: Slab): void {
    this.#unpacked = undefined;
    const { bytes, words, generation } = slab;
    for (let offset = 0; offset < slab.used; ) {
      const word = offset / WORD_BYTES;
      const keyBytes = words[word] as number;
      const key = offset + HEADER_BYTES;
      offset += lengthAt(words, word);
      if (keyBytes === GONE) continue;
      const row = key + keyBytes;
      const end = row + (words[word + 1] as number);
      const packed =
        generation === 'packed' ? bytes.subarray(row, end) : this.#packing.pack(bytes, key, row, end);
      this.#moved(placeOf(slab, word), this.#append('packed', bytes, key, keyBytes, packed));
    }
    bytes.fill(0, 0, slab.used);
    this.#slabs[slab.number] = undefined;
    this.#freeNumbers.push(slab.number);
    if (bytes.length === SLAB_BYTES && this.#spare.length < MOST_SPARE) this.#spare.push(bytes);
  }

  #slabAt(place: number): Slab {
    return this.#slabs[place >>> PLACE_BITS] as Slab;
  }

  #addSlab(length: number, generation: Generation): Slab {
    const number = this.#freeNumbers.pop() ?? this.#slabs.length;
    invariant(number < MOST_SLABS, 'no more than 16 GiB of rows are held');
    const spare = length === SLAB_BYTES ? this.#spare.pop() : undefined;
    const bytes = spare ?? Buffer.allocUnsafeSlow(length);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, length / WORD_BYTES);
    const slab = { number, bytes, words, generation, used: 0, live: 0 };
    this.#slabs[number] = slab;
    return slab;
  }
}

function isSparse({ live, used }: Slab): boolean {
  return live < LEAST_LIVE * used;
}

function placeOf({ number }: Slab, word: number): number {
  return ((number << PLACE_BITS) | word) >>> 0;
}

/** Length of the entry with its header, in bytes. */
function lengthAt(words: Uint32Array, word: number): number {
  const keyBytes = words[word] as number;
  return paddedLength((keyBytes === GONE ? 0 : keyBytes) + (words[word + 1] as number));
}

function paddedLength(keyAndRowBytes: number): number {
  return Math.ceil((HEADER_BYTES + keyAndRowBytes) / WORD_BYTES) * WORD_BYTES;
}
