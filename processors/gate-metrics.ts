/**
 * Names of metrics in option versions.gates. A gate is asked of versions that have its metric, and models from outside
 * bring metrics of their own, so a name that nobody knows is let pass; one that is nearly a known one is a slip, which would
 * ask nothing.
 */
const measured: readonly string[] = [
  ...['recall@10', 'precision@10', 'ndcg@10', 'hr@10', 'mrr@10', 'map@10', 'recall@100', 'ndcg@100'],
  ...[
    'sampled-ndcg@10',
    'auc',
    'list-auc',
    'retrieval-ndcg@10',
    'log-loss',
    'information-gain',
    'calibration-error',
  ],
  ...['coverage@10', 'novelty@10', 'diversity@10', 'popularity-lift@10', 'gini@10'],
];

/** Letters that a slip gets wrong at most. */
const SLIP = 2;

/** The metric that `name` was probably meant to be; undefined where it is one, or like none. */
export function meantMetric(name: string): string | undefined {
  if (measured.includes(name)) return undefined;
  const text = name.toLowerCase();
  const nearest = measured.toSorted((a, b) => edits(text, a) - edits(text, b))[0] ?? '';
  // What is measured here is measured at 10 and 100 alone.
  return edits(text, nearest) <= SLIP || text.includes('@') ? nearest : undefined;
}

/** Levenshtein's distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
