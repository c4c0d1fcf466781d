import type { Gauge, Metrics } from '#platform';
import type { VersionRole } from '#schemas';
import { type Agreement, measures } from './compare-scores.ts';

/** How a version's scores agree with those of the version in use. */
export type VersionComparison = Agreement & {
  readonly role: VersionRole;
  readonly version: string;
  /** The version that answered when they were compared. */
  readonly production: string;
  /** `swap`: on recorded requests, before it was put in use. `shadow`: on requests since it was staged. */
  readonly mode: 'swap' | 'shadow';
};

/** The last comparison of each role and mode, as metrics and for whoever lists versions. */
export class Comparisons {
  readonly #gauge: Gauge<'role' | 'mode' | 'version' | 'production' | 'measure'>;
  readonly #latest = new Map<string, VersionComparison>();

  constructor(metrics: Metrics) {
    const help =
      'Agreement of a version with the one in use, over the same requests: overlap of the first ten, rank correlation, mean absolute difference of scores.';
    const labels = ['role', 'mode', 'version', 'production', 'measure'] as const;
    this.#gauge = metrics.gauge('version_agreement', help, labels);
  }

  get all(): readonly VersionComparison[] {
    return [...this.#latest.values()];
  }

  note(comparison: VersionComparison): void {
    const { role, mode } = comparison;
    const key = `${role} ${mode}`;
    const before = this.#latest.get(key);
    if (before !== undefined) for (const measure of measures) this.#gauge.remove(labelsOf(before, measure));
    this.#latest.set(key, comparison);
    for (const measure of measures) {
      const value = comparison[measure];
      if (value !== null) this.#gauge.set(labelsOf(comparison, measure), value);
    }
  }
}

function labelsOf({ role, mode, version, production }: VersionComparison, measure: string) {
  return { role, mode, version, production, measure };
}
