import type { FeatureRows, TreeEnsemble } from '#models';

/** Scores of numeric rows, [rows]. */
export function scoreRows(ensemble: TreeEnsemble, { columns, rows, values }: FeatureRows): Float64Array {
  const { base, roots, column, threshold, left, right, missingLeft, value } = ensemble;
  return Float64Array.from({ length: rows }, (_, row) =>
    roots.reduce((score, root) => {
      let node = root;
      while ((column[node] as number) >= 0) {
        const own = values[row * columns.length + (column[node] as number)] as number;
        const isLeft = Number.isNaN(own) ? missingLeft[node] === 1 : own <= (threshold[node] as number);
        node = (isLeft ? left[node] : right[node]) as number;
      }
      return score + (value[node] as number);
    }, base),
  );
}
