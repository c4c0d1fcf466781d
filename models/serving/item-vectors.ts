/** The file of a version with a vector of each item, `ITEM_VECTORS_FILE`: written and read here alone. */
import { buildIndex } from '../index/build-index.ts';
import { readIndex, saveIndex } from '../index/files/index-file.ts';
import type { IndexCalibration } from '../index/parts.ts';

/** Row i is the vector of item i of the vocabulary. */
export type ItemVectors = { readonly dim: number; readonly vectors: Float32Array };

/** From [items, dim], as the index that suits their number. Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR. */
export function saveItemVectors(vectors: Float32Array, dim: number): Uint8Array {
  return saveIndex(buildIndex(vectors, dim).toParts());
}

/** What `saveItemVectors` wrote, in this version of Millrace or an earlier one. Errors: MR_INDEX_CORRUPT. */
export function readItemVectors(bytes: Uint8Array): ItemVectors {
  const { dim, ids, vectors: inLists } = readIndex(bytes);
  const vectors = new Float32Array(inLists.length);
  ids.forEach((id, row) => {
    vectors.set(inLists.subarray(row * dim, (row + 1) * dim), id * dim);
  });
  return { dim, vectors };
}

/** How they are searched; undefined where that is exact. Errors: MR_INDEX_CORRUPT. */
export function calibrationIn(bytes: Uint8Array): IndexCalibration | undefined {
  return readIndex(bytes).calibration;
}
