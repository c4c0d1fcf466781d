/** What is trained and when, and how snapshots are taken, as the configuration says. */
import { modelSettings } from '#models';
import { RANK_TTL_MS } from '#processors';
import type { SnapshotPlan, TrainingPlan } from '#trainer';
import type { Configuration } from './configuration.ts';
import type { Installation } from './installation.ts';

export function trainingPlan({ training, declared, versions }: Configuration): TrainingPlan {
  const { trained: models, rankers, similar } = modelSettings(declared);
  return {
    ...training,
    models,
    rankers,
    similar,
    // Nobody approves a version every quarter of an hour.
    refresh: versions.promotion === 'automatic' ? training.refresh : 'off',
    deadlineMs: training.deadlineMinutes * 60_000,
  };
}

/** How a snapshot labels what still waits, as topology loop would. */
export function waitingOptions({
  configuration,
  registry,
}: Pick<Installation, 'configuration' | 'registry'>) {
  const { examples, admission, features } = configuration;
  return {
    registry,
    outcomeWindowMs: examples.outcomeWindowMs,
    dedupHorizonMs: admission.dedupHorizonMs,
    rankTtlMs: features.ttlMs['popularity-rank.popularity_rank'] ?? RANK_TTL_MS,
  };
}

export function snapshotPlan({ snapshots, features }: Configuration): SnapshotPlan {
  const { everyHours, everyExamples, keep, split, validationShare, testShare } = snapshots;
  const {
    negatives: uniform,
    popularNegatives: byPopularity,
    coVisitNegatives: byCoVisits,
    sourceNegatives: bySources,
    seed,
  } = snapshots;
  const { maxPsi, maxKs, maxMissingIncrease } = snapshots;
  return {
    everyMs: everyHours * 3_600_000,
    everyExamples,
    keep,
    split: { by: split, validationShare, testShare },
    negatives: { uniform, byPopularity, byCoVisits, bySources, seed },
    featureTtlMs: features.ttlMs,
    limits: { maxPsi, maxKs, maxMissingIncrease },
  };
}
