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
  /** Of exact search. */
  readonly target: number;
  readonly at: 100;
  readonly curve: readonly RecallPoint[];
  /** Lists that it takes to find as large a share of more results; for larger k and for filters. */
  readonly depths?: readonly { readonly depth: number; readonly nprobe: number }[];
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
