/**
 * How the values of a column lie, and how far two columns lie apart. Everything is computed from the sorted values, so
 * that the order in which they came cannot change a digit.
 */

/** Summary of a numeric column. Without any value all but `count` and `distinct` are null. */
export type NumberSummary = {
  readonly count: number;
  readonly distinct: number;
  readonly mean: number | null;
  /** Population standard deviation, not that of a sample. */
  readonly std: number | null;
  readonly min: number | null;
  readonly max: number | null;
  /** Values at the shares of `quantileShares`, each one that occurs. */
  readonly quantiles: readonly number[] | null;
};

const quantileShares = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99] as const;

/**
 * The cumulative distribution at every half percent: of all values `shares[i]` are at most `values[i]`. Both ascend. It
 * tells the share up to any value within half a percent, and that of a value which is commoner than that exactly.
 */
export type NumberDistribution = {
  readonly count: number;
  readonly values: readonly number[];
  readonly shares: readonly number[];
};

/** The commonest values of a column of text with their counts; `count` is that of all. */
export type CategoryDistribution = {
  readonly count: number;
  readonly categories: readonly (readonly [value: string, count: number])[];
};

export function summaryOf(sorted: Float64Array): NumberSummary {
  const count = sorted.length;
  if (count === 0) {
    return { count, distinct: 0, mean: null, std: null, min: null, max: null, quantiles: null };
  }
  let distinct = 1;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += sorted[i] as number;
    if (i > 0 && sorted[i] !== sorted[i - 1]) distinct++;
  }
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < count; i++) squares += ((sorted[i] as number) - mean) ** 2;
  return {
    count,
    distinct,
    mean,
    std: Math.sqrt(squares / count),
    min: sorted[0] as number,
    max: sorted[count - 1] as number,
    quantiles: quantileShares.map((share) => quantile(sorted, share)),
  };
}

const STEPS = 200;

export function distributionOf(sorted: Float64Array): NumberDistribution {
  const count = sorted.length;
  const values: number[] = [];
  for (let step = 0; count > 0 && step <= STEPS; step++) {
    const value = quantile(sorted, step / STEPS);
    if (value !== values.at(-1)) values.push(value);
  }
  return { count, values, shares: values.map((value) => countUpTo(sorted, value) / count) };
}

/** The two-sample Kolmogorov-Smirnov statistic: the largest difference between the two cumulative distributions. */
export function kolmogorovSmirnov(last: NumberDistribution, now: NumberDistribution): number {
  return [...last.values, ...now.values].reduce(
    (most, value) => Math.max(most, Math.abs(shareUpTo(now, value) - shareUpTo(last, value))),
    0,
  );
}

/**
 * The population stability index over the deciles of the last distribution: the sum of (q - p) ln(q / p) over the
 * shares p and q of each bin. By custom 0.1 is a shift worth a look, 0.25 a large one. (Siddiqi, Credit Risk Scorecards,
 * 2006.) Where values are alike, deciles fall together and there are fewer bins.
 */
export function stabilityIndex(last: NumberDistribution, now: NumberDistribution): number {
  const [only] = last.values;
  if (last.values.length === 1) {
    const same = shareUpTo(now, only as number) - shareBelow(now, only as number);
    return indexOf([1, 0], [same, 1 - same], last.count, now.count);
  }
  const edges = decileEdges(last);
  const before = [...edges.map((edge) => shareUpTo(last, edge)), 1];
  const after = [...edges.map((edge) => shareUpTo(now, edge)), 1];
  return indexOf(differences(before), differences(after), last.count, now.count);
}

/** The upper ends of the bins but the last, which takes what is beyond. */
function decileEdges({ values, shares }: NumberDistribution): readonly number[] {
  const deciles = Array.from({ length: 9 }, (_, i) => shares.findIndex((share) => share >= (i + 1) / 10));
  const edges = new Set(deciles.filter((at) => at < values.length - 1).map((at) => values[at] as number));
  return edges.size === 0 ? values.slice(0, 1) : [...edges];
}

/** The same over categories; those that are not among the commonest of the last are one. */
export function categoryStabilityIndex(last: CategoryDistribution, now: CategoryDistribution): number {
  const known = new Map(last.categories);
  const found = new Map(now.categories);
  const values = [...known.keys()];
  const p = values.map((value) => (known.get(value) ?? 0) / last.count);
  const q = values.map((value) => (found.get(value) ?? 0) / now.count);
  const rest = (shares: readonly number[]) => Math.max(0, 1 - shares.reduce((sum, share) => sum + share, 0));
  return indexOf([...p, rest(p)], [...q, rest(q)], last.count, now.count);
}

/** An empty bin counts as half an observation: its logarithm would be infinite. */
function indexOf(p: readonly number[], q: readonly number[], countP: number, countQ: number): number {
  return p.reduce((sum, share, i) => {
    const other = q[i] as number;
    if (share < 1e-12 && other < 1e-12) return sum;
    const before = Math.max(share, 0.5 / countP);
    const now = Math.max(other, 0.5 / countQ);
    return sum + (now - before) * Math.log(now / before);
  }, 0);
}

function differences(cumulative: readonly number[]): number[] {
  return cumulative.map((share, i) => share - (cumulative[i - 1] ?? 0));
}

/** The smallest value that at least this share of the values does not exceed. */
function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
}

/** How many values are at most `value`, in a sorted column. */
function countUpTo(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function shareUpTo({ values, shares }: NumberDistribution, value: number): number {
  const above = values.findIndex((each) => each > value);
  return (above === -1 ? shares.at(-1) : shares[above - 1]) ?? 0;
}

function shareBelow({ values, shares }: NumberDistribution, value: number): number {
  const from = values.findIndex((each) => each >= value);
  return (from === -1 ? shares.at(-1) : shares[from - 1]) ?? 0;
}
