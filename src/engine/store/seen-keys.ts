const BITS_PER_KEY = 16;
const PROBES = 4;
/** 64 bytes. */
const LINE_WORDS = 16;
const MIN_BITS = 2 ** 13;
/** 16 MiB: beyond 8 million keys more of them are taken for others. */
const MAX_BITS = 2 ** 27;

/**
 * Which keys have been met, in a few bits a key: a Bloom filter (Bloom 1970), the bits of a key within one line of the
 * processor's cache (Putze, Sanders and Singler 2007). It never takes a key that was met for a new one; half a percent the
 * other way round.
 */
export class SeenKeys {
  readonly #words: Uint32Array;
  readonly #mask: number;

  /** For about as many keys as are expected; with more of them it errs more often. */
  constructor(expected: number) {
    let bits = MIN_BITS;
    while (bits < expected * BITS_PER_KEY && bits < MAX_BITS) bits *= 2;
    this.#words = new Uint32Array(bits / 32);
    this.#mask = this.#words.length - LINE_WORDS;
  }

  /** Adds a key by its hash; tells whether it may have been there before. */
  add(hash: number): boolean {
    const line = hash & this.#mask;
    let bits = mix(hash ^ 0x9e3779b9);
    let isSeen = true;
    for (let probe = 0; probe < PROBES; probe++, bits = Math.imul(bits, 0x9e3779b1)) {
      const at = line + (bits >>> 28);
      const word = this.#words[at] as number;
      const flag = 1 << ((bits >>> 23) & 31);
      if ((word & flag) !== 0) continue;
      isSeen = false;
      this.#words[at] = word | flag;
    }
    return isSeen;
  }
}

/** 32 bits of the bytes of a key, which may lie among others: FNV-1a, its bits mixed at the end. */
export function keyHash(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return mix(hash);
}

/** The same of a key that is text, from its code units, four at a time: another number than that of its bytes. */
export function textHash(key: string): number {
  const { length } = key;
  let hash = length;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    const [first, second] = [key.charCodeAt(i), key.charCodeAt(i + 1)];
    const [third, fourth] = [key.charCodeAt(i + 2), key.charCodeAt(i + 3)];
    hash = Math.imul(hash ^ first ^ (second << 8) ^ (third << 16) ^ (fourth << 24), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  for (; i < length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** The finalizer of MurmurHash3. */
function mix(bits: number): number {
  let mixed = bits;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
