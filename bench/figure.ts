export type Figure = {
  readonly bench: string;
  /** What differs from the other cases of the benchmark. */
  readonly case: string;
  readonly metric:
    | 'records_per_second'
    | 'records_per_cpu_second'
    | 'events_per_second'
    | 'events_per_cpu_second'
    | 'requests_per_second'
    | 'p50_ms'
    | 'p95_ms'
    | 'p99_ms'
    | 'seconds'
    | 'ms'
    | 'bytes'
    | 'ratio'
    | 'recall@10'
    | 'recall@100'
    | 'ndcg@5'
    | 'ndcg@10'
    | 'log_loss'
    | 'hr@10'
    | 'click-chance@10'
    | 'share-of-gap'
    | 'setting'
    | 'turns';
  readonly value: number;
  readonly unit: string;
  /** The value that we want to reach. */
  readonly aim?: number;
};

/** Prints one figure as a JSON line, rounded to four digits: noise is larger than that. */
export function printFigure({ bench, case: name, metric, value, unit, aim }: Figure): void {
  const line = {
    bench,
    case: name,
    metric,
    value: Number(value.toPrecision(4)),
    unit,
    ...(aim !== undefined && { aim }),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Prints in place of a case's figures why there are none. */
export function printMissing({ bench, case: name }: Pick<Figure, 'bench' | 'case'>, reason: string): void {
  process.stdout.write(`${JSON.stringify({ bench, case: name, missing: reason })}\n`);
}

/** The value below which `share` of the samples lie. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
