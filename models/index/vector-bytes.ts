/** A vector as records carry it: floats of 32 bits, little-endian, as every machine has them that Millrace runs on. */
import { InputError } from '#platform';

export function vectorBytes(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

/**
 * A copy: floats must lie at multiples of four, which a view of a record need not. Errors: InputError MR_INDEX_DIMENSION
 * for bytes that are no floats.
 */
export function vectorOf(bytes: Uint8Array): Float32Array {
  if (bytes.length % Float32Array.BYTES_PER_ELEMENT !== 0)
    throw new InputError(
      'MR_INDEX_DIMENSION',
      `a vector of ${bytes.length} bytes, which are no floats of 32 bits`,
    );
  return new Float32Array(new Uint8Array(bytes).buffer);
}
