import type { Metric } from './port.ts';

export type RecallPoint = {
  readonly nprobe: number;
  /** On average over the queries that were held out. */
  readonly recall: number;
  /** The standard error of that: `nprobe` is chosen so that its recall less two of them reaches the target. */
  readonly error?: number;
};

/** How many lists an IVF index searches, and why. */
export type IndexCalibration = {
  readonly nprobe: number;
  /**
   * A search ends at the first list whose gap is larger, see `ivf/reach.ts`; `nprobe` is how many lists would find as much if all queries took
   * as many. Absent in files that FAISS or an earlier version has written: all queries take `nprobe` lists then.
   */
  readonly reach?: number;
  /** Recall to reach, as a share of what exact search finds. */
  readonly target: number;
  readonly at: 100;
  readonly curve: readonly RecallPoint[];
  /** What it takes to find as large a share of fewer and of more results; for other k and for filters. */
  readonly depths?: readonly { readonly depth: number; readonly nprobe: number; readonly reach?: number }[];
  /** Where the lists are those of several indexes, one after another: how many each has, and how it was calibrated. */
  readonly shards?: readonly { readonly lists: number; readonly calibration: IndexCalibration }[];
};

/** An index as arrays, as files hold it: list after list. */
export type IndexParts = {
  readonly dim: number;
  readonly metric: Metric;
  /** [lists, dim]; empty for a flat index, which is one list. */
  readonly centroids: Float32Array;
  /** Vectors in each list. */
  readonly listSizes: Int32Array;
  /** [size] */
  readonly ids: Int32Array;
  /** [size, dim], in the order of `ids`. */
  readonly vectors: Float32Array;
  /** How IVF was calibrated; undefined for a flat index. */
  readonly calibration?: IndexCalibration;
};
