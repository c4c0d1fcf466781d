/** Bits of an id spread over all 32, by the finaliser of MurmurHash3. */
export function hashId(id: number): number {
  let bits = id;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
