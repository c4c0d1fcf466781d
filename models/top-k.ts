export type Ranked = {
  /** Best first; equal scores in the order of their ids. */
  readonly ids: Int32Array;
  readonly scores: Float32Array;
};

/** Keeps the k best of what is offered, in a binary heap whose root is the worst of them. */
export class TopK {
  readonly #k: number;
  readonly #ids: Int32Array;
  readonly #scores: Float32Array;
  #size = 0;

  constructor(k: number) {
    this.#k = k;
    this.#ids = new Int32Array(k);
    this.#scores = new Float32Array(k);
  }

  /** No score below this one can enter; one equal to it may, if its id is lower than that of the root. */
  get threshold(): number {
    return this.#size < this.#k ? Number.NEGATIVE_INFINITY : (this.#scores[0] as number);
  }

  offer(id: number, score: number): void {
    if (this.#k === 0) return;
    if (this.#size < this.#k) this.#rise(this.#size++, id, score);
    else if (this.#worse(0, id, score)) this.#sink(id, score);
  }

  /** Empties it: its root goes, the worst of the rest each time. */
  finish(): Ranked {
    const ids = new Int32Array(this.#size);
    const scores = new Float32Array(this.#size);
    while (this.#size > 0) {
      const last = --this.#size;
      ids[last] = this.#ids[0] as number;
      scores[last] = this.#scores[0] as number;
      this.#sink(this.#ids[last] as number, this.#scores[last] as number);
    }
    return { ids, scores };
  }

  /** Whether the entry at `at` ranks below the given one. */
  #worse(at: number, id: number, score: number): boolean {
    const own = this.#scores[at] as number;
    return own < score || (own === score && (this.#ids[at] as number) > id);
  }

  #put(at: number, id: number, score: number): void {
    this.#ids[at] = id;
    this.#scores[at] = score;
  }

  #rise(from: number, id: number, score: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentId = this.#ids[parent] as number;
      const parentScore = this.#scores[parent] as number;
      if (parentScore < score || (parentScore === score && parentId >= id)) break;
      this.#put(at, parentId, parentScore);
      at = parent;
    }
    this.#put(at, id, score);
  }

  #sink(id: number, score: number): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      const right = child + 1;
      if (right < this.#size) {
        const leftId = this.#ids[child] as number;
        if (this.#worse(right, leftId, this.#scores[child] as number)) child = right;
      }
      if (!this.#worse(child, id, score)) break;
      this.#put(at, this.#ids[child] as number, this.#scores[child] as number);
      at = child;
    }
    this.#put(at, id, score);
  }
}

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
