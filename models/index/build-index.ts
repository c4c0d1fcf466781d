import { countOf } from './checks.ts';
import { FlatIndex } from './flat-index.ts';
import { buildIvf, type IvfOptions } from './ivf/build.ts';
import type { IndexParts } from './parts.ts';
import type { VectorIndex } from './port.ts';

/** Up to so many vectors, exact search takes a quarter of a millisecond, and lists would save little of an answer. */
const LARGEST_FLAT = 20_000;
/** Looking through a larger share of the lists takes longer than exact search. */
const LARGEST_SHARE = 0.4;

/** An index that can be put into a file. */
export type BuiltIndex = VectorIndex & { toParts(): IndexParts };

export type IndexOptions = Omit<IvfOptions, 'lists' | 'platform'> & {
  /** More vectors are searched by lists. */
  readonly largestFlat?: number;
};

/**
 * The index that suits the vectors, [count, dim]: exact for few, and for those that form no clusters, so that the recall
 * asked for would take most lists. Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR, MR_INDEX_ID.
 */
export function buildIndex(vectors: Float32Array, dim: number, options: IndexOptions = {}): BuiltIndex {
  const { largestFlat = LARGEST_FLAT, ...others } = options;
  if (countOf(vectors, dim) > largestFlat) {
    const index = buildIvf(vectors, dim, others);
    if (index.calibration.nprobe <= LARGEST_SHARE * index.lists) return index;
  }
  const { metric, ids } = options;
  return FlatIndex.build(vectors, dim, { ...(metric && { metric }), ...(ids && { ids }) });
}
