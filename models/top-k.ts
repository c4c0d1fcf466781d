export type Ranked = {
  /** Best first; equal scores in the order of their ids. */
  readonly ids: Int32Array;
  readonly scores: Float32Array;
};

/**
 * Keeps the k best of what is offered, in a binary heap whose root is the worst of them. Scores are rounded to float32; a score that is not
 * a number is never among the best.
 *
 * An entry is one double: the bits of the score, then those of the id, or of its complement where the score is not negative, so that the
 * greater double is the better entry, and a comparison is one of numbers.
 */
export class TopK {
  #keys = new Float64Array(0);
  #words = new Int32Array(0);
  #k = 0;
  #size = 0;
  #threshold = 0;

  constructor(k: number) {
    this.begin(k);
  }

  /** Starts over, empty, without new memory where it has had room for k before. */
  begin(k: number): void {
    if (k > this.#keys.length) {
      this.#keys = new Float64Array(k);
      this.#words = new Int32Array(this.#keys.buffer);
    }
    this.#k = k;
    this.#size = 0;
    this.#threshold = k === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  /** No score below this one can enter; one equal to it may, if its id is lower than that of the root. */
  get threshold(): number {
    return this.#threshold;
  }

  /** Ids are integers from 0 to 2^31 - 1. */
  offer(id: number, score: number): void {
    if (!(score >= this.#threshold)) return;
    // Less -0, which is equal to 0, and has other bits.
    scratchFloats[HIGH] = score + 0;
    const bits = scratchWords[HIGH] as number;
    scratchWords[LOW] = bits < 0 ? id : ~id;
    const keys = this.#keys;
    const key = scratchKeys[0] as number;
    if (this.#size < this.#k) {
      keys[this.#size++] = key;
      if (this.#size < this.#k) return;
      this.#order();
    } else if (key > (keys[0] as number)) this.#sink(0, key);
    else return;
    scratchKeys[0] = keys[0] as number;
    this.#threshold = scratchFloats[HIGH] as number;
  }

  /** Sorts, best first, and returns how many there are. Takes no more offers until `begin`. */
  sort(): number {
    const keys = this.#keys;
    const size = this.#size;
    if (size < this.#k) this.#order();
    // The root, the worst of the rest, goes behind these each time.
    while (this.#size > 1) {
      const last = keys[--this.#size] as number;
      keys[this.#size] = keys[0] as number;
      this.#sink(0, last);
    }
    return size;
  }

  /** The id of a rank, from 0, once sorted. */
  id(rank: number): number {
    const low = this.#words[2 * rank + LOW] as number;
    return (this.#words[2 * rank + HIGH] as number) < 0 ? low : ~low;
  }

  /** The score of a rank, from 0, once sorted. */
  score(rank: number): number {
    scratchWords[HIGH] = this.#words[2 * rank + HIGH] as number;
    return scratchFloats[HIGH] as number;
  }

  /** Sorts, and copies what there is. */
  finish(): Ranked {
    const size = this.sort();
    // One buffer: the collector has less to do for it than for two.
    const buffer = new ArrayBuffer(size * 8);
    const scoreBits = new Int32Array(buffer, 0, size);
    const ids = new Int32Array(buffer, size * 4, size);
    for (let rank = 0; rank < size; rank++) {
      scoreBits[rank] = this.#words[2 * rank + HIGH] as number;
      ids[rank] = this.id(rank);
    }
    return { ids, scores: new Float32Array(buffer, 0, size) };
  }

  /** Makes a heap of what has come. */
  #order(): void {
    for (let at = (this.#size >> 1) - 1; at >= 0; at--) this.#sink(at, this.#keys[at] as number);
  }

  /** Puts the key where it belongs below `from`, whose own is dropped. */
  #sink(from: number, key: number): void {
    const keys = this.#keys;
    const size = this.#size;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && (keys[child + 1] as number) < (keys[child] as number)) child++;
      const below = keys[child] as number;
      if (below >= key) break;
      keys[at] = below;
      at = child;
    }
    keys[at] = key;
  }
}

/** The words of a double, little-endian. */
const [LOW, HIGH] = [0, 1];
const scratchKeys = new Float64Array(1);
const scratchWords = new Int32Array(scratchKeys.buffer);
const scratchFloats = new Float32Array(scratchKeys.buffer);

/** A set of ids as a bitmap: id i is bit `i & 7` of byte `i >> 3`. Ids beyond its end are not in it. */
export function bitmapOf(ids: Iterable<number>, bound: number): Uint8Array {
  const bitmap = new Uint8Array((bound + 7) >> 3);
  for (const id of ids) bitmap[id >> 3] = (bitmap[id >> 3] as number) | (1 << (id & 7));
  return bitmap;
}

export const inBitmap = (bitmap: Uint8Array, id: number): boolean =>
  (((bitmap[id >> 3] ?? 0) >> (id & 7)) & 1) === 1;

/** The k best of all ids 0 .. scores.length - 1 that are not in `exclude`. */
export function rankScores(scores: ArrayLike<number>, k: number, exclude?: Uint8Array): Ranked {
  const best = new TopK(Math.min(k, scores.length));
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id] as number;
    if (score < best.threshold || (exclude !== undefined && inBitmap(exclude, id))) continue;
    best.offer(id, score);
  }
  return best.finish();
}
