/** The file of a version with a vector of each item, `ITEM_VECTORS_FILE`: written and read here alone. */
import { readIndex, saveIndex } from '../index/files/index-file.ts';
import { flatParts } from '../index/flat-parts.ts';

/** Row i is the vector of item i of the vocabulary. */
export type ItemVectors = { readonly dim: number; readonly vectors: Float32Array };

/** From [items, dim]. Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR. */
export function saveItemVectors(vectors: Float32Array, dim: number): Uint8Array {
  return saveIndex(flatParts(vectors, dim));
}

/** What `saveItemVectors` wrote, in this version of Millrace or an earlier one. Errors: MR_INDEX_CORRUPT. */
export function readItemVectors(bytes: Uint8Array): ItemVectors {
  const { dim, vectors } = readIndex(bytes);
  return { dim, vectors };
}
