import { checkVector, countOf } from './checks.ts';
import type { IndexParts } from './parts.ts';
import type { Metric } from './port.ts';

/**
 * A flat index of vectors [count, dim] with the ids 0, 1, 2... The vectors are not copied. Errors: MR_INDEX_DIMENSION,
 * MR_INDEX_VECTOR.
 */
export function flatParts(vectors: Float32Array, dim: number, metric: Metric = 'inner-product'): IndexParts {
  const count = countOf(vectors, dim);
  for (let row = 0; row < count; row++) checkVector(vectors.subarray(row * dim, (row + 1) * dim), dim);
  const ids = Int32Array.from({ length: count }, (_, id) => id);
  return { dim, metric, centroids: new Float32Array(0), listSizes: Int32Array.of(count), ids, vectors };
}
