/** What an index is given must make sense: whatever does not is refused before anything changes. */
import { InputError } from '#platform';

const LARGEST_ID = 2 ** 31 - 1;
/** A longer vector could have scores that are more than a float32 holds. */
const LONGEST = 2 ** 62;

export function checkDimension(dim: number): void {
  if (Number.isInteger(dim) && dim >= 1 && dim <= 65_536) return;
  throw new InputError('MR_INDEX_DIMENSION', `${dim} is not a dimension: an integer from 1 to 65536`);
}

/** That there are whole vectors; how many. */
export function countOf(vectors: Float32Array, dim: number): number {
  checkDimension(dim);
  const count = vectors.length / dim;
  if (Number.isInteger(count)) return count;
  throw new InputError('MR_INDEX_DIMENSION', `${vectors.length} numbers are not vectors of dimension ${dim}`);
}

export function checkVector(vector: Float32Array, dim: number): void {
  if (vector.length !== dim) {
    throw new InputError(
      'MR_INDEX_DIMENSION',
      `a vector of ${vector.length} numbers for an index of ${dim}`,
      { hint: 'Vectors and index must come from the same version.' },
    );
  }
  let squares = 0;
  for (let d = 0; d < dim; d++) squares += (vector[d] as number) ** 2;
  if (squares <= LONGEST ** 2) return;
  const problem = Number.isFinite(squares) ? 'is longer than 2^62' : 'holds a number that is not finite';
  throw new InputError('MR_INDEX_VECTOR', `a vector ${problem}`, {
    hint: 'The model that made the vectors has diverged: train it again with a lower learning rate.',
  });
}

export function checkId(id: number): void {
  if (isId(id)) return;
  throw new InputError('MR_INDEX_ID', `${id} is no id: an integer from 0 to ${LARGEST_ID}`);
}

export const isId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id <= LARGEST_ID;

export function checkIds(ids: Int32Array, count: number): void {
  if (ids.length !== count) throw new InputError('MR_INDEX_ID', `${ids.length} ids for ${count} vectors`);
  const sorted = ids.slice().sort();
  for (const [i, id] of sorted.entries()) {
    checkId(id);
    if (i > 0 && sorted[i - 1] === id) throw new InputError('MR_INDEX_ID', `id ${id} is there twice`);
  }
}

export function checkK(k: number): void {
  if (Number.isInteger(k) && k >= 0) return;
  throw new InputError('MR_INDEX_K', `${k} results were requested, which is not a count`);
}
