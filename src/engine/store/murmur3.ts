/** 128 bits as signed 32-bit words, the lowest first: small integers, for which no object is made. */
export class Words128 {
  first = 0;
  second = 0;
  third = 0;
  fourth = 0;
}

const BLOCK_BYTES = 16;
const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

/**
 * MurmurHash3_x86_128 (Appleby 2011, public domain) of `length` bytes of `bytes` from `start` on, written to `into`. It spreads
 * what is alike over all bits and does nothing against who looks for collisions. 60 to 120 bytes take 0.1 us.
 */
export function murmur3(bytes: DataView, length: number, seed: number, into: Words128, start = 0): Words128 {
  let h1 = seed | 0;
  let h2 = h1;
  let h3 = h1;
  let h4 = h1;
  const end = start + length;
  const tailAt = end - (length % BLOCK_BYTES);
  for (let at = start; at < tailAt; at += BLOCK_BYTES) {
    h1 ^= mixed(bytes.getInt32(at, true), C1, 15, C2);
    h1 = Math.imul(rotated(h1, 19) + h2, 5) + 0x561ccd1b;
    h2 ^= mixed(bytes.getInt32(at + 4, true), C2, 16, C3);
    h2 = Math.imul(rotated(h2, 17) + h3, 5) + 0x0bcaa747;
    h3 ^= mixed(bytes.getInt32(at + 8, true), C3, 17, C4);
    h3 = Math.imul(rotated(h3, 15) + h4, 5) + 0x96cd1c35;
    h4 ^= mixed(bytes.getInt32(at + 12, true), C4, 18, C1);
    h4 = Math.imul(rotated(h4, 13) + h1, 5) + 0x32ac3b17;
  }
  // Zeros in place of the bytes that the last block lacks change nothing.
  h4 ^= mixed(tailWord(bytes, tailAt + 12, end), C4, 18, C1);
  h3 ^= mixed(tailWord(bytes, tailAt + 8, end), C3, 17, C4);
  h2 ^= mixed(tailWord(bytes, tailAt + 4, end), C2, 16, C3);
  h1 ^= mixed(tailWord(bytes, tailAt, end), C1, 15, C2);
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = ((h1 ^ length) + h2 + h3 + h4) | 0;
  h2 = avalanche(h2 + h1);
  h3 = avalanche(h3 + h1);
  h4 = avalanche(h4 + h1);
  h1 = avalanche(h1);
  into.first = (h1 + h2 + h3 + h4) | 0;
  into.second = (h2 + into.first) | 0;
  into.third = (h3 + into.first) | 0;
  into.fourth = (h4 + into.first) | 0;
  return into;
}

const rotated = (word: number, by: number) => (word << by) | (word >>> (32 - by));

const mixed = (word: number, before: number, by: number, after: number) =>
  Math.imul(rotated(Math.imul(word, before), by), after);

function avalanche(word: number): number {
  let bits = word | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** The little-endian word at `at`, as far as it lies before `end`. */
function tailWord(bytes: DataView, at: number, end: number): number {
  let word = 0;
  for (let i = Math.min(end - at, 4) - 1; i >= 0; i--) word = (word << 8) | bytes.getUint8(at + i);
  return word;
}
