import type { SparseFeature } from './data.ts';

/** How the categories of a feature become ids: by a vocabulary, or by hashing into a fixed number of rows. */
export type SparseEncoding =
  | { readonly kind: 'vocabulary'; readonly categories: readonly string[] }
  | { readonly kind: 'hashed'; readonly rows: number };

/** The categories of rows that at least `minimum` of them have, in the order of their names. */
export function vocabularyOf(rows: Iterable<readonly string[]>, minimum = 1): SparseEncoding {
  const counts = new Map<string, number>();
  for (const row of rows)
    for (const category of new Set(row)) counts.set(category, (counts.get(category) ?? 0) + 1);
  const kept = [...counts].filter(([, count]) => count >= minimum).map(([category]) => category);
  return { kind: 'vocabulary', categories: kept.sort() };
}

/**
 * The function that makes a sparse feature of rows of categories. One that is not in the vocabulary has no id; with
 * hashing each has one, which it may share with others.
 */
export function sparseEncoder(
  encoding: SparseEncoding,
): (rows: readonly (readonly string[])[]) => SparseFeature {
  const [cardinality, idOf] = idsOf(encoding);
  return (rows) => {
    const offsets = new Int32Array(rows.length + 1);
    const ids: number[] = [];
    rows.forEach((row, i) => {
      for (const category of row) {
        const id = idOf(category);
        if (id !== undefined) ids.push(id);
      }
      offsets[i + 1] = ids.length;
    });
    return { cardinality, offsets, ids: Int32Array.from(ids) };
  };
}

function idsOf(encoding: SparseEncoding): [cardinality: number, (category: string) => number | undefined] {
  if (encoding.kind === 'hashed') {
    const { rows } = encoding;
    return [rows, (category) => Math.floor((hashOf(category) / 2 ** 32) * rows)];
  }
  const places = new Map(encoding.categories.map((category, place) => [category, place]));
  return [places.size, (category) => places.get(category)];
}

/** FNV-1a over the code units, mixed by the finaliser of MurmurHash3: the high bits choose the row. */
function hashOf(category: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < category.length; i++) hash = Math.imul(hash ^ category.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
