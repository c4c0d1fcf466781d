import type { Candidate, GateResult, MetricInterval } from '#schemas';

export type PromotionMode = 'automatic' | 'by-approval';

export type GateOptions = {
  /** How many times the better popularity baseline's recall@10 and ndcg@10 a candidate must reach. */
  readonly minimumLift: number;
  /** The least that passes, by metric; asked of candidates that have the metric. None unless told otherwise. */
  readonly minimum?: Readonly<Record<string, number>>;
  /** Whether a candidate may be worse than the version in force beyond chance; it may not unless told otherwise. */
  readonly production?: 'not-worse' | 'any';
  /** Whether a passing version is promoted at once (the default) or waits for a command. */
  readonly promotion?: PromotionMode;
};

/** What the gates make of a candidate: why it is refused, or why it waits for an approval; both null where it is promoted. */
export type Judged = {
  readonly results: GateResult[];
  readonly rejection: string | null;
  readonly waits: string | null;
};

/** The kinds of models that are published from a directory rather than trained here. */
const EXTERNAL: readonly string[] = ['external', 'external-retrieval'];
/** Half of a 95% interval, as a share of the least that is asked for. */
const CHANCE_SHARE = 0.1;
/** What a gate's threshold comes from, in words. */
const OF_GATE: Readonly<Record<string, string>> = {
  lift: ' by the better popularity',
  'few-rows': ' by the better popularity, since the rows are too few for more',
};
const LIFTED_METRICS = ['recall@10', 'ndcg@10'] as const;
/** When two models are trained side by side, the one with the higher value of this metric is promoted. */
const CHOSEN_BY = 'ndcg@10';

/**
 * Holds a candidate against the conditions of promotion: least values (gate `minimum`, or `few-rows`), the popularity baselines
 * (`lift`), and the version in force on the same rows (`production`), which it may be worse than by what the bootstrap
 * interval of the difference leaves to chance. All are evaluated, so that all that is wrong is known at once.
 */
export function judgeCandidate(
  candidate: Candidate,
  inForce: Candidate | null,
  { minimum = {}, minimumLift, production = 'not-worse', promotion = 'automatic' }: GateOptions,
): Judged {
  const results = [
    ...minimumGates(candidate, minimum),
    ...liftGates(candidate, minimumLift),
    ...(production === 'any' ? [] : productionGates(candidate, inForce)),
  ];
  const failed = results.filter(({ passed }) => !passed);
  const rejection = failed.length === 0 ? null : failed.map((each) => inWords(each)).join('; ');
  const waits =
    rejection === null ? whyWait(candidate, production === 'any' ? null : inForce, promotion) : null;
  return { results, rejection, waits };
}

/**
 * Whether these gates ask for something else than those by which a decision was made, as `results` has them. What the version in
 * force asks for changes with every promotion, and is no reason to decide again.
 */
export function asksOtherwise(
  results: readonly GateResult[],
  candidate: Candidate,
  options: GateOptions,
): boolean {
  const { minimum = {}, minimumLift, production = 'not-worse' } = options;
  const now = [...minimumGates(candidate, minimum), ...liftGates(candidate, minimumLift)];
  const isCompared = ({ gate }: GateResult) => gate === 'production';
  if (asked(now) !== asked(results.filter((each) => !isCompared(each)))) return true;
  return production === 'any' && results.some((each) => isCompared(each) && !each.passed);
}

function asked(results: readonly GateResult[]): string {
  return results
    .map(({ gate, metric, threshold }) => `${gate} ${metric} ${threshold}`)
    .sort()
    .join();
}

/** On so few rows that chance would decide over the least, no less than the better popularity is enough (gate `few-rows`). */
function minimumGates(candidate: Candidate, minimum: Readonly<Record<string, number>>): GateResult[] {
  return Object.entries(minimum).flatMap(([metric, threshold]) => {
    const value = candidate.metrics[metric];
    if (value === undefined) return [];
    const baseline = baselineOf(candidate, metric);
    return baseline !== undefined && isByChance(candidate.intervals[metric], threshold)
      ? [result('few-rows', metric, value, Math.min(threshold, baseline))]
      : [result('minimum', metric, value, threshold)];
  });
}

/** Whether a metric is known less exactly than to a tenth of what is asked of it. */
function isByChance(interval: MetricInterval | undefined, threshold: number): boolean {
  return interval !== undefined && (interval.high - interval.low) / 2 > CHANCE_SHARE * threshold;
}

function liftGates(candidate: Candidate, minimumLift: number): GateResult[] {
  return LIFTED_METRICS.flatMap((metric) => {
    const baseline = baselineOf(candidate, metric);
    return baseline === undefined
      ? []
      : [result('lift', metric, candidate.metrics[metric] ?? null, baseline * minimumLift)];
  });
}

/** The metric of the better popularity; undefined where neither has it. */
function baselineOf(
  { popularity, decayed_popularity: decayed }: Candidate,
  metric: string,
): number | undefined {
  const [allTime, recent] = [popularity[metric], decayed[metric]];
  return allTime === undefined && recent === undefined ? undefined : Math.max(allTime ?? 0, recent ?? 0);
}

/** Beside the version in force, or the one that was when its twin was judged: any other comparison says nothing any more. */
function productionGates(candidate: Candidate, inForce: Candidate | null): GateResult[] {
  const { metrics, production } = candidate;
  if (production === null || inForce === null) return [];
  if (production.version !== inForce.version && !areTwins(candidate, inForce)) return [];
  return Object.entries(production.differences).map(([metric, { mean, high }]) => {
    const value = metrics[metric] ?? null;
    const gate = { gate: 'production', metric, value };
    // As far below production as the interval reaches is chance.
    const threshold = value === null ? null : value - high;
    return { ...gate, threshold, passed: high >= 0 && Number.isFinite(mean) };
  });
}

function result(gate: string, metric: string, value: number | null, threshold: number): GateResult {
  // A metric that is not a number passes nothing.
  return { gate, metric, value, threshold, passed: (value ?? Number.NaN) >= threshold };
}

function inWords({ gate, metric, value, threshold }: GateResult): string {
  const reached = value === null ? 'missing' : value.toFixed(4);
  const least = threshold === null ? '' : ` ${threshold.toFixed(4)}`;
  if (gate === 'production') {
    return `gate production: ${metric} is ${reached}, and even the upper end of the interval of its difference is below the version in force`;
  }
  const of = OF_GATE[gate] ?? '';
  return `gate ${gate}: ${metric} is ${reached}, and at least${least} is required${of}`;
}

/** Why a candidate that passes is not promoted at once; beside the version that it had to be compared with, where one is in force. */
function whyWait(candidate: Candidate, inForce: Candidate | null, promotion: PromotionMode): string | null {
  if (promotion === 'by-approval') return 'waits for an approval: versions.promotion is by-approval';
  if (Object.keys(candidate.metrics).length === 0) {
    return 'waits for an approval: it has no metrics, so nothing says how good it is';
  }
  if (EXTERNAL.includes(candidate.model)) {
    return Object.keys(candidate.popularity).length === 0
      ? 'waits for an approval: its metrics are as its makers give them, and were not measured here'
      : 'waits for an approval: it was trained elsewhere';
  }
  const compared = candidate.production?.version;
  if (inForce === null || compared === inForce.version) return null;
  // equivalent mutant (swapped arguments): each is the other's twin
  if (areTwins(candidate, inForce)) return whyNotBetter(candidate, inForce);
  const before = compared === undefined ? 'no version' : `version ${compared}`;
  return `waits for an approval: it was compared with ${before}, and ${inForce.version} has been promoted since`;
}

/** Whether both were judged on the same rows, beside the same version or none: as models are that are trained side by side. */
function areTwins(a: Candidate, b: Candidate): boolean {
  const isAlike = a.snapshot_id === b.snapshot_id && a.production?.version === b.production?.version;
  return isAlike && a.snapshot_id !== '';
}

/** Whichever is published first is promoted; the other takes its place where it is the better one, and so order does not matter. */
function whyNotBetter({ metrics }: Candidate, twin: Candidate): string | null {
  const [own = Number.NaN, other = Number.NaN] = [metrics[CHOSEN_BY], twin.metrics[CHOSEN_BY]];
  if (own > other) return null;
  const against = `${own.toFixed(4)} against ${other.toFixed(4)}`;
  return `waits for an approval: ${twin.version}, judged on the same rows, is in force: ${CHOSEN_BY} is ${against}`;
}
