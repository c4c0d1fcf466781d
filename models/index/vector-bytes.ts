/** A vector as records carry it: floats of 32 bits, little-endian, as every machine has them that Millrace runs on. */

export function vectorBytes(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** A copy: floats must lie at multiples of four, which a view of a record need not. */
export function vectorOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}
