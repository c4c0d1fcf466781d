/** The distinct ids of one step, in order of first appearance, and the position of each: [U] out of many. */
export class DistinctIds {
  readonly #positions: Int32Array;
  readonly #ids: Int32Array;
  #size = 0;

  /** Ids are 0 .. bound - 1. The object is meant to be cleared and used again at each step. */
  constructor(bound: number) {
    this.#positions = new Int32Array(bound).fill(-1);
    this.#ids = new Int32Array(bound);
  }

  /** The position of an id, which is added where it is new. */
  add(id: number): number {
    const known = this.#positions[id] as number;
    if (known >= 0) return known;
    this.#ids[this.#size] = id;
    this.#positions[id] = this.#size;
    return this.#size++;
  }

  has(id: number): boolean {
    return (this.#positions[id] as number) >= 0;
  }

  get size(): number {
    return this.#size;
  }

  /** A view that the next `clear` makes stale. */
  get ids(): Int32Array {
    return this.#ids.subarray(0, this.#size);
  }

  clear(): void {
    for (const id of this.ids) this.#positions[id] = -1;
    this.#size = 0;
  }
}
