/** The file of a version with a vector of each item, `ITEM_VECTORS_FILE`: written and read here alone. */
import { buildIndex } from '../index/build-index.ts';
import { readIndex, saveIndex } from '../index/files/index-file.ts';
import type { IndexCalibration } from '../index/parts.ts';

/** Row i is the vector of item i of the vocabulary. */
export type ItemVectors = { readonly dim: number; readonly vectors: Float32Array };

export type IndexedItems = {
  readonly file: Uint8Array;
  /** Where the index has lists, and is not exact. */
  readonly calibration: IndexCalibration | undefined;
};

/**
 * Indexes [items, dim], calibrated with the expected queries: user vectors, which are distributed differently from item
 * vectors; with item vectors if there are none. Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR.
 */
export function saveItemVectors(vectors: Float32Array, dim: number, queries?: Float32Array): Uint8Array {
  return indexItemVectors(vectors, dim, queries).file;
}

/** The same, with how many lists a search of it looks through. */
export function indexItemVectors(vectors: Float32Array, dim: number, queries?: Float32Array): IndexedItems {
  const parts = buildIndex(vectors, dim, { ...(queries && { queries }) }).toParts();
  return { file: saveIndex(parts), calibration: parts.calibration };
}

/** What `saveItemVectors` wrote, in this version of Millrace or an earlier one. Errors: MR_INDEX_CORRUPT. */
export function readItemVectors(bytes: Uint8Array): ItemVectors {
  const { dim, ids, vectors, centroids } = readIndex(bytes);
  if (centroids.length === 0 && ids.every((id, row) => id === row)) return { dim, vectors };
  // Lists have their items in an order of their own.
  const byItem = new Float32Array(vectors.length);
  ids.forEach((item, row) => {
    byItem.set(vectors.subarray(row * dim, (row + 1) * dim), item * dim);
  });
  return { dim, vectors: byItem };
}
