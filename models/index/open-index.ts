import { readIndex } from './files/index-file.ts';
import { FlatIndex } from './flat-index.ts';
import { IvfIndex } from './ivf/ivf-index.ts';
import type { IndexParts } from './parts.ts';
import type { VectorIndex } from './port.ts';

/** The index that a file holds. Errors: InputError MR_INDEX_CORRUPT. */
export function openIndex(bytes: Uint8Array): VectorIndex {
  return indexOf(readIndex(bytes));
}

/** The index that these are the parts of. Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR, MR_INDEX_ID. */
export function indexOf(parts: IndexParts): VectorIndex {
  return parts.centroids.length === 0 ? FlatIndex.fromParts(parts) : IvfIndex.fromParts(parts);
}
