const BITS = 12;
/** Ids that are numbered differ at their end. */
const TAIL = 4;
const LAST_ASCII = 0x7f;

/**
 * Names that are looked for among many in bytes: most of these are none of them, which the last bytes tell
 * without a text being made (Bloom, 1970, with one hash).
 */
export class NameFilter {
  readonly #isThere = new Uint8Array(2 ** BITS);
  /** Whether the last units of a name are not its last bytes. */
  #hasOthers = false;

  /** Looks for these from now on, and for no others. */
  take(names: readonly string[]): void {
    this.#isThere.fill(0);
    this.#hasOthers = false;
    for (const name of names) {
      const { length } = name;
      let hash = 0;
      for (let i = Math.max(0, length - TAIL); i < length; i++) {
        const unit = name.charCodeAt(i);
        if (unit > LAST_ASCII) this.#hasOthers = true;
        hash = next(hash, unit);
      }
      this.#isThere[hash & (2 ** BITS - 1)] = 1;
    }
  }

  /** False only where the bytes from `start` up to `end` are none of the names. */
  mayHave(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#hasOthers) return true;
    let hash = 0;
    for (let i = Math.max(start, end - TAIL); i < end; i++) hash = next(hash, bytes[i] as number);
    return this.#isThere[hash & (2 ** BITS - 1)] === 1;
  }
}

function next(hash: number, byte: number): number {
  return (Math.imul(hash, 0x9e3779b1) + byte) ^ (hash >>> 7);
}
