import { InputError } from '#platform';
import { type BootstrapOptions, type Interval, pairedBootstrap } from './bootstrap.ts';
import { type Evaluation, type Metrics, metricNames } from './ranking.ts';

export type MetricIntervals = { readonly [metric in keyof Metrics]: Interval };

/**
 * The paired bootstrap interval of a - b, metric by metric: `a` is better beyond chance where it lies above 0, and not
 * worse than `b` where it does not lie below. Both must be of the same users: MR_EVALUATION_PAIRS.
 */
export function evaluationDifferences(
  a: Evaluation,
  b: Evaluation,
  options: BootstrapOptions,
): MetricIntervals {
  if (a.users.length !== b.users.length || a.users.some((user, row) => user !== b.users[row])) {
    throw new InputError(
      'MR_EVALUATION_PAIRS',
      `${a.users.length} and ${b.users.length} users, not the same`,
      {
        hint: 'Evaluate both rankers on the same held-out items.',
      },
    );
  }
  return Object.fromEntries(
    metricNames.map((metric) => [metric, pairedBootstrap(a.perUser[metric], b.perUser[metric], options)]),
  ) as MetricIntervals;
}
