/** What every index of vectors promises; `contract.ts` is what each must pass. */
import type { Ranked } from '../top-k.ts';

export type Metric = 'inner-product' | 'l2';

export type SearchOptions = {
  /** Ids that must not be returned, as a bitmap (see `bitmapOf`). */
  readonly exclude?: Uint8Array;
  /** The only ids that may be returned, likewise. */
  readonly allow?: Uint8Array;
};

/**
 * Vectors with ids, integers from 0 to 2^31 - 1, and search for those nearest to a query. Changes are visible to the next search; a
 * search sees one state of the whole index. All calls block the thread that they are made on.
 */
export interface VectorIndex {
  readonly dim: number;
  readonly metric: Metric;
  /** Vectors in it. */
  readonly size: number;

  /**
   * The k best ids, best first, equal scores by id; fewer where fewer are allowed. Scores are inner products, or squared
   * distances times -1. Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR for a query that holds a number that is not finite.
   */
  search(query: Float32Array, k: number, options?: SearchOptions): Ranked;

  /** A copy; undefined for an id that is not in it. */
  vector(id: number): Float32Array | undefined;

  /** Copies the vector of an id to `into`, from `at` on; false for an id that is not in it. */
  copyVector(id: number, into: Float32Array, at: number): boolean;

  /** Adds the vector, or replaces the one of this id. Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR. */
  put(id: number, vector: Float32Array): void;

  /** Whether it was there. */
  remove(id: number): boolean;

  /** Ends what an index does in the background, if it does: no thread is left. Searches and changes go on. */
  close?(): Promise<void>;
}
