import { InputError } from '#platform';
import type { Random } from '../random.ts';

export type Interval = { readonly mean: number; readonly low: number; readonly high: number };

export type BootstrapOptions = {
  readonly resamples?: number;
  /** Two-sided, 0.95 by default. */
  readonly confidence?: number;
  readonly random: Random;
};

/**
 * Percentile bootstrap interval (Efron and Tibshirani 1993) of the mean of a - b over users, where `a[i]` and `b[i]`
 * are a metric of two rankers for the same user: users are drawn with replacement, each with both of its values.
 */
export function pairedBootstrap(a: Float64Array, b: Float64Array, options: BootstrapOptions): Interval {
  const { resamples = 2000, confidence = 0.95, random } = options;
  const count = a.length;
  if (count === 0 || b.length !== count) {
    throw new InputError('MR_EVALUATION_PAIRS', `paired bootstrap: ${a.length} and ${b.length} values`, {
      hint: 'Both rankers must be evaluated on the same users, at least one.',
    });
  }
  const differences = a.map((value, i) => value - (b[i] as number));
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += differences[random.integer(count)] as number;
    means[r] = sum / count;
  }
  means.sort();
  const tail = (1 - confidence) / 2;
  const quantile = (q: number) => means[Math.min(resamples - 1, Math.floor(q * resamples))] as number;
  return {
    mean: differences.reduce((sum, value) => sum + value, 0) / count,
    low: quantile(tail),
    high: quantile(1 - tail),
  };
}

/** The same interval of the mean of one metric over users. */
export function bootstrapMean(values: Float64Array, options: BootstrapOptions): Interval {
  return pairedBootstrap(values, new Float64Array(values.length), options);
}
