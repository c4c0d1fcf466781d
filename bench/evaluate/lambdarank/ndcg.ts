import type { Ranked } from './data.ts';

/** Mean over queries: gain 2^label - 1, queries without a relevant row count as 1, equal scores stand in the order of rows. */
export function ndcg({ labels, groups }: Ranked, scores: ArrayLike<number>, k: number): number {
  let sum = 0;
  for (let g = 0; g + 1 < groups.length; g++) {
    const rows = Array.from(
      { length: (groups[g + 1] as number) - (groups[g] as number) },
      (_, i) => (groups[g] as number) + i,
    );
    const best = gainAt(
      k,
      rows.map((row) => labels[row] as number).sort((a, b) => b - a),
    );
    const byScore = rows.toSorted((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
    sum +=
      best === 0
        ? 1
        : gainAt(
            k,
            byScore.map((row) => labels[row] as number),
          ) / best;
  }
  return sum / (groups.length - 1);
}

function gainAt(k: number, labels: readonly number[]): number {
  return labels.slice(0, k).reduce((sum, label, i) => sum + (2 ** label - 1) / Math.log2(i + 2), 0);
}
