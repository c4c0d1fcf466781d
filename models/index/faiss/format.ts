/**
 * What is common to reading and writing the files of FAISS (Douze et al. 2024), as its `impl/index_write.cpp` has them. A file
 * is an index, and an index is a code of four letters, a header, and what its kind has beyond:
 *
 * ```text
 * IxFI, IxF2   header; count of floats (uint64), floats                        flat, by inner product and by L2
 * IwFl         header; lists, nprobe (uint64); the index of the centroids; direct map; inverted lists
 * header       dim (int32); vectors (int64); two int64 without meaning; trained (byte); metric (int32)
 * direct map   kind (byte); count (uint64), int64 each; of kind 2 also count (uint64), pairs of int64
 * "ilar"       lists, bytes of a vector (uint64); "full", count (uint64), sizes (uint64 each), or
 *              "sprs", count (uint64), pairs of list and size; then of each list that is not empty vectors and ids (int64)
 * ```
 */
import { InputError } from '#platform';
import type { Metric } from '../port.ts';

export const IVF_FLAT = 'IwFl';
/** By their numbers in files. */
export const METRICS: readonly Metric[] = ['inner-product', 'l2'];
/** The codes of flat indexes, by metric. */
export const FLAT: Readonly<Record<Metric, string>> = { 'inner-product': 'IxFI', l2: 'IxF2' };
export const DIRECT_MAP = { none: 0, array: 1, hashtable: 2 } as const;
export const LISTS_IN_ARRAYS = 'ilar';
/** How the sizes of the lists are written: all of them, or those of lists that are not empty. */
export const LIST_SIZES = { all: 'full', notEmpty: 'sprs' } as const;
/** Written where FAISS reads and ignores. */
export const UNUSED = 1n << 20n;

export function damaged(why: string): InputError {
  return new InputError('MR_INDEX_CORRUPT', `not a file of FAISS, or a damaged one: ${why}`, {
    hint: 'Write it again with faiss.write_index.',
  });
}

export function unsupported(why: string): InputError {
  return new InputError('MR_INDEX_UNSUPPORTED', `a file of FAISS that cannot be read: ${why}`, {
    hint: 'Supported are IndexFlatIP, IndexFlatL2, and IndexIVFFlat over one of them.',
  });
}
