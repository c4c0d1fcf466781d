import type { FeatureTtls } from '#features';
import {
  defaultLimits,
  defaultSplit,
  type NegativeOptions,
  type QualityLimits,
  type SnapshotOptions,
  type SplitOptions,
} from '#offline';
import type { SnapshotRequest } from '#schemas';

/** How snapshots are taken where a command does not say otherwise, when, and how many are kept. */
export type SnapshotPlan = {
  /** Age of the last snapshot, and examples since then, after which one is taken and trained on; 0 for never. */
  readonly everyMs: number;
  readonly everyExamples: number;
  readonly split: SplitOptions;
  readonly negatives: NegativeOptions;
  /** As for answers. */
  readonly featureTtlMs: FeatureTtls;
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
  featureTtlMs: {},
  limits: defaultLimits,
  keep: 10,
};

/** The plan as a command wants it. */
export function requestedOptions(
  { split, negatives, limits, featureTtlMs }: SnapshotPlan,
  request: SnapshotRequest | null,
): Pick<SnapshotOptions, 'split' | 'negatives' | 'limits' | 'featureTtlMs'> {
  const by = request?.split === 'by_time' ? 'by-time' : 'per-user-last';
  const drawn = {
    uniform: request?.uniform_negatives ?? negatives.uniform,
    byPopularity: request?.popular_negatives ?? negatives.byPopularity,
    seed: negatives.seed,
  };
  return {
    limits,
    featureTtlMs,
    split: request?.split == null ? split : { ...split, by },
    ...(drawn.uniform + drawn.byPopularity > 0 && { negatives: drawn }),
  };
}
