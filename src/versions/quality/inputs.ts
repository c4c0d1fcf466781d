import { featureViews, recordViews } from '#features';
import type { ColumnStatistics } from '#offline';
import { noValues } from '#processors';
import type { AnswerContents, ValueCounts } from '#schemas';
import { countOf, type Drift, driftSinceFirst, driftSinceTraining, quantileOf, together } from './drift.ts';

/** The ranker in force, as far as its inputs have to be understood. */
export type InForceRanker = {
  readonly id: string;
  /** `view.feature`, in the order of the columns that it is given. */
  readonly features: readonly string[];
};

export type RankerInput = {
  /** `view.feature`. */
  readonly feature: string;
  readonly count: number;
  /** Share of rows without a value; texts have none. */
  readonly missing: number;
  readonly p50: number | null;
  readonly drift: Drift | null;
};

/** The fields of examples that hold rows of record views. */
const RECORD_FIELDS: Readonly<Record<string, string>> = {
  'user-profile': 'profile',
  'item-profile': 'facts',
};

/**
 * What the ranker in force was given by the answers of the newest hour, feature by feature, for those answers that keep
 * it. Drift is measured against the examples of the snapshot that it learned from (`training`, by column), or where that
 * has no such column, against the first hour that is kept.
 */
export function rankerInputs(
  { id, features }: InForceRanker,
  contents: Iterable<AnswerContents>,
  training: readonly ColumnStatistics[],
): readonly RankerInput[] {
  const rows = [...contents].filter(({ ranker }) => ranker === id);
  const hour = rows.reduce((newest, row) => Math.max(newest, row.hour), 0);
  const newest = rows.filter((row) => row.hour === hour);
  if (newest.every(({ inputs }) => inputs.length === 0)) return [];
  const columns = new Map(training.map((column) => [column.name, column]));
  return features.map((feature, at): RankerInput => {
    const of = ({ inputs }: AnswerContents): ValueCounts => inputs[at] ?? noValues();
    const values = together(newest.map(of));
    const count = countOf(values);
    const column = columns.get(columnOf(feature));
    const learned =
      column === undefined || !('all' in column) ? null : driftSinceTraining(column.distribution, values);
    return {
      feature,
      count,
      missing: values.missing / Math.max(1, values.missing + count),
      p50: quantileOf(values, 0.5),
      drift: learned ?? driftSinceFirst(rows, of),
    };
  });
}

/** The column of examples that holds a feature. */
function columnOf(name: string): string {
  const [view = '', feature = ''] = name.split('.');
  const declared = [...featureViews, ...recordViews].find((each) => each.name === view);
  const field = declared?.exampleField ?? RECORD_FIELDS[view] ?? view;
  return `${field}_${feature}`;
}
