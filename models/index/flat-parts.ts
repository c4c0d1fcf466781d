import { InputError } from '#platform';
import type { IndexParts } from './parts.ts';
import type { Metric } from './port.ts';

/**
 * A flat index of vectors [count, dim] with the ids 0, 1, 2... The vectors are not copied. Errors: MR_INDEX_DIMENSION;
 * MR_INDEX_VECTOR for numbers that are not finite, which can't be ranked.
 */
export function flatParts(vectors: Float32Array, dim: number, metric: Metric = 'inner-product'): IndexParts {
  const count = vectors.length / dim;
  if (!Number.isInteger(dim) || dim < 1 || !Number.isInteger(count)) {
    throw new InputError(
      'MR_INDEX_DIMENSION',
      `${vectors.length} numbers are not vectors of dimension ${dim}`,
    );
  }
  if (!vectors.every(Number.isFinite)) {
    throw new InputError('MR_INDEX_VECTOR', 'a vector holds a number that is not finite', {
      hint: 'The model that made the vectors has diverged: train it again with a lower learning rate.',
    });
  }
  const ids = Int32Array.from({ length: count }, (_, id) => id);
  return { dim, metric, centroids: new Float32Array(0), listSizes: Int32Array.of(count), ids, vectors };
}
