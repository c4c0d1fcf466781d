import { readIndex } from './files/index-file.ts';
import { FlatIndex } from './flat-index.ts';
import type { VectorIndex } from './port.ts';

/** The index that a file holds. Errors: InputError MR_INDEX_CORRUPT. */
export function openIndex(bytes: Uint8Array): VectorIndex {
  const { dim, vectors } = readIndex(bytes);
  return FlatIndex.build(vectors, dim);
}
