/** A copy of `bytes` with one bit the other way round; `bit` counts from the lowest bit of the first byte. */
export function withFlippedBit(bytes: Uint8Array, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}
