import type { SearchOptions } from '../port.ts';

/** Bytes of a bitmap that are looked at to estimate how many bits are set. */
const SAMPLED_BYTES = 2048;

/** A mask of 32 ids. */
const ALL = -1;

const NO_BYTES = new Uint8Array(0);

/** Bits set in each byte. */
const BITS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/** Which ids a search may return. */
export class IdFilter {
  readonly #exclude: Uint8Array | undefined;
  readonly #allow: Uint8Array | undefined;

  private constructor({ exclude, allow }: SearchOptions) {
    this.#exclude = exclude;
    this.#allow = allow;
  }

  /** Undefined where it would let all through. */
  static of(options: SearchOptions): IdFilter | undefined {
    return options.exclude === undefined && options.allow === undefined ? undefined : new IdFilter(options);
  }

  /** Which ids of the mask are allowed: bit i is that of the id at `from` + i. */
  allowedIn(mask: number, ids: Int32Array, from: number): number {
    const kept = this.#allow === undefined ? mask : membersIn(mask, this.#allow, ids, from);
    return this.#exclude === undefined ? kept : kept & ~membersIn(kept, this.#exclude, ids, from);
  }

  /** About how many of the ids from 0 to below `bound` are allowed: counted, or estimated from a sample of 16,384 of them. */
  allowedBelow(bound: number): number {
    const bytes = (bound + 7) >>> 3;
    if (bytes <= SAMPLED_BYTES) return this.#countBytes(bytes, 1);
    // Every this many bytes; an odd distance, so that it shares no period with the ids.
    const step = Math.ceil(bytes / SAMPLED_BYTES) | 1;
    return this.#countBytes(bytes, step) * step;
  }

  /** Calls `visit` for each allowed id below `bound`, in order. */
  forEachAllowed(bound: number, visit: (id: number) => void): void {
    const bytes = (bound + 7) >>> 3;
    const end = this.#allow === undefined ? bytes : Math.min(bytes, this.#allow.length);
    const exclude = this.#exclude ?? NO_BYTES;
    for (let byte = 0; byte < end; byte++) {
      // Where few are allowed, most bytes exclude all.
      if (exclude[byte] === 255) continue;
      for (let bits = this.#allowedBits(byte); bits !== 0; bits &= bits - 1) {
        const id = byte * 8 + 31 - Math.clz32(bits & -bits);
        if (id < bound) visit(id);
      }
    }
  }

  #countBytes(bytes: number, step: number): number {
    let count = 0;
    for (let byte = 0; byte < bytes; byte += step) count += BITS[this.#allowedBits(byte)] as number;
    return count;
  }

  #allowedBits(byte: number): number {
    const allowed = this.#allow === undefined ? 255 : (this.#allow[byte] ?? 0);
    return this.#exclude === undefined ? allowed : allowed & ~(this.#exclude[byte] ?? 0);
  }
}

/** The ids of the mask that are in a bitmap. */
function membersIn(mask: number, bitmap: Uint8Array, ids: Int32Array, from: number): number {
  let members = 0;
  if (mask === ALL) {
    for (let i = 0; i < 32; i++) {
      const id = ids[from + i] as number;
      members |= (((bitmap[id >>> 3] ?? 0) >>> (id & 7)) & 1) << i;
    }
    return members;
  }
  for (let left = mask; left !== 0; left &= left - 1) {
    const i = 31 - Math.clz32(left & -left);
    const id = ids[from + i] as number;
    members |= (((bitmap[id >>> 3] ?? 0) >>> (id & 7)) & 1) << i;
  }
  return members;
}
