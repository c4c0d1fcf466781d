import { InputError } from '#platform';
import { saveIndex } from '../files/index-file.ts';
import { heldOutRows } from '../ivf/held-out.ts';
import { IvfIndex } from '../ivf/ivf-index.ts';
import type { IndexCalibration, IndexParts } from '../parts.ts';
import { unsupported } from './format.ts';
import { readFaiss } from './read.ts';

export type AdoptOptions = {
  /** That of the users' vectors that it will be searched with. */
  readonly dim: number;
  /** Vectors that it will be searched with, [any, dim]; some of its own where absent. */
  readonly queries?: Float32Array | undefined;
};

/** An index as a version has it: its vectors are numbered from 0, by inner product. */
export type AdoptedIndex = {
  readonly file: Uint8Array;
  readonly size: number;
  readonly calibration: IndexCalibration | undefined;
};

const TARGET = 0.99;

/**
 * Makes an index file of what FAISS wrote. Lists are kept as they are; how many are searched is calibrated here, as FAISS's
 * `nprobe` says nothing of recall. Errors: those of `readFaiss`; MR_INDEX_UNSUPPORTED for distances; MR_INDEX_DIMENSION;
 * MR_INDEX_ID where ids are not 0, 1, 2, ... in some order.
 */
export function adoptFaiss(bytes: Uint8Array, { dim, queries }: AdoptOptions): AdoptedIndex {
  const { parts } = readFaiss(bytes);
  const { ids, metric } = parts;
  if (metric !== 'inner-product')
    throw unsupported('it is searched by distance, a version by inner products');
  if (parts.dim !== dim)
    throw new InputError(
      'MR_INDEX_DIMENSION',
      `its vectors have dimension ${parts.dim}, those of users ${dim}`,
    );
  const beyond = ids.find((id) => id >= ids.length);
  if (beyond !== undefined)
    throw new InputError('MR_INDEX_ID', `${ids.length} vectors are not numbered from 0: one is ${beyond}`);
  const calibration = parts.centroids.length === 0 ? undefined : calibrationOf(parts, queries);
  const file = saveIndex(calibration === undefined ? parts : { ...parts, calibration });
  return { file, size: ids.length, calibration };
}

function calibrationOf(parts: IndexParts, queries: Float32Array | undefined): IndexCalibration {
  const { dim, ids, vectors } = parts;
  const index = IvfIndex.fromParts(parts);
  if (queries !== undefined && queries.length > 0) return index.calibratedFor(queries, TARGET);
  const rows = heldOutRows(ids.length, (row) => ids[row] as number);
  const own = Int32Array.from(rows, (row) => ids[row] as number);
  const asked = new Float32Array(rows.length * dim);
  for (const [i, row] of rows.entries()) asked.set(vectors.subarray(row * dim, (row + 1) * dim), i * dim);
  return index.calibratedFor(asked, TARGET, own);
}
