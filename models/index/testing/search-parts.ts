import type { IndexParts } from '../parts.ts';

/** What a search of `nprobe` lists finds, best first, in plain JavaScript: what indexes and FAISS are held against. */
export function searchParts(
  { dim, metric, centroids, listSizes, ids, vectors }: IndexParts,
  query: Float32Array,
  k: number,
  nprobe = listSizes.length,
): readonly number[] {
  const scoreAt = (rows: Float32Array, row: number) => {
    let score = 0;
    for (let d = 0; d < dim; d++) {
      const [a, b] = [rows[row * dim + d] as number, query[d] as number];
      score += metric === 'l2' ? -((a - b) ** 2) : a * b;
    }
    return score;
  };
  const lists = Array.from(listSizes, (_, list) => list);
  if (centroids.length > 0) {
    const scores = lists.map((list) => scoreAt(centroids, list));
    lists.sort((a, b) => (scores[b] as number) - (scores[a] as number));
  }
  const starts = [0];
  for (const size of listSizes) starts.push((starts.at(-1) as number) + size);
  const rows = lists.slice(0, nprobe).flatMap((list) => {
    const start = starts[list] as number;
    return Array.from({ length: listSizes[list] as number }, (_, i) => start + i);
  });
  const found = rows.map((row) => ({ id: ids[row] as number, score: scoreAt(vectors, row) }));
  found.sort((a, b) => b.score - a.score || a.id - b.id);
  return found.slice(0, k).map(({ id }) => id);
}
