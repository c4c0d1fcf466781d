import {
  defaultLimits,
  defaultSplit,
  type NegativeOptions,
  type QualityLimits,
  type SnapshotOptions,
  type SplitOptions,
} from '#offline';
import type { SnapshotRequest } from '#schemas';
import type { ScheduleOptions } from './snapshot-schedule.ts';

/** How snapshots are taken where a command does not say otherwise, when, and how many are kept. */
export type SnapshotPlan = ScheduleOptions & {
  readonly split: SplitOptions;
  readonly negatives: NegativeOptions;
  readonly limits: QualityLimits;
  /** Newest snapshots whose files are kept. */
  readonly keep: number;
};

export const defaultPlan: SnapshotPlan = {
  everyMs: 0,
  everyExamples: 0,
  split: defaultSplit,
  // Training draws its own negatives within a batch; drawing them with features takes longer than all the rest.
  negatives: { uniform: 0, byPopularity: 0, seed: 1 },
  limits: defaultLimits,
  keep: 10,
};

/** The plan as a command wants it. */
export function requestedOptions(
  { split, negatives, limits }: SnapshotPlan,
  request: SnapshotRequest | null,
): Pick<SnapshotOptions, 'split' | 'negatives' | 'limits'> {
  const by = request?.split === 'by_time' ? 'by-time' : 'per-user-last';
  const drawn = {
    uniform: request?.uniform_negatives ?? negatives.uniform,
    byPopularity: request?.popular_negatives ?? negatives.byPopularity,
    seed: negatives.seed,
  };
  return {
    limits,
    split: request?.split == null ? split : { ...split, by },
    ...(drawn.uniform + drawn.byPopularity > 0 && { negatives: drawn }),
  };
}
