/** Memory to work in: `scratch`, or where it is too small, twice what is needed. What the old one held is overwritten. */
export function withRoom(scratch: Buffer<ArrayBuffer>, bytes: number): Buffer<ArrayBuffer> {
  if (bytes <= scratch.length) return scratch;
  scratch.fill(0);
  return Buffer.allocUnsafeSlow(2 * bytes);
}
