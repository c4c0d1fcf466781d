import type { IndexParts } from '../parts.ts';

export type Inconsistency = {
  readonly part: 'centroids' | 'listSizes' | 'ids' | 'vectors';
  readonly why: string;
  readonly notFinite?: true;
};

/** What is wrong with parts that came from elsewhere; undefined where they are an index. */
export function inconsistencyOf(parts: IndexParts): Inconsistency | undefined {
  const { dim, centroids, listSizes, ids, vectors } = parts;
  const flat = centroids.length === 0;
  if (flat ? listSizes.length !== 1 : centroids.length !== listSizes.length * dim) {
    return { part: 'centroids', why: `${centroids.length} numbers for ${listSizes.length} lists` };
  }
  let total = 0;
  for (const size of listSizes) {
    if (size < 0) return { part: 'listSizes', why: `a list has ${size} vectors` };
    total += size;
  }
  if (total !== ids.length) {
    return { part: 'listSizes', why: `lists of ${total} vectors in all, for ${ids.length} ids` };
  }
  if (vectors.length !== ids.length * dim) {
    return { part: 'vectors', why: `${vectors.length} numbers for ${ids.length} ids` };
  }
  return idProblem(ids) ?? notFinite('centroids', centroids) ?? notFinite('vectors', vectors);
}

function idProblem(ids: Int32Array): Inconsistency | undefined {
  const sorted = ids.toSorted();
  if ((sorted[0] ?? 0) < 0) return { part: 'ids', why: `${sorted[0]} is not an id` };
  const repeated = sorted.find((id, i) => i > 0 && id === sorted[i - 1]);
  return repeated === undefined ? undefined : { part: 'ids', why: `id ${repeated} is there twice` };
}

function notFinite(part: 'centroids' | 'vectors', values: Float32Array): Inconsistency | undefined {
  // A sum is finite only if all are; what overflows it by size alone is looked at number by number.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  if (Number.isFinite(sum) || values.every(Number.isFinite)) return undefined;
  return { part, why: 'it holds a number that is not finite', notFinite: true };
}
