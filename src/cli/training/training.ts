/** Training as the commands need it: the trainer at work in this process, and what came of it in words. */

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { AnyView } from '#features';
import { type Execution, type ModelConfig, modelSettings } from '#models';
import { exampleModules } from '#offline';
import { type Progress, type Shutdown, systemClock } from '#platform';
import { viewsOfModules } from '#processing';
import type { Version } from '#schemas';
import { type Installation, runUntilShutdown } from '#service';
import type { Configuration } from '#service/configuration';
import { type SnapshotPlan, Trainer, type TrainingResult } from '#trainer';
import { figure, grouped } from '../output.ts';

/**
 * Starts a trainer, which carries out runs until `shutdown`; `onlyAsked` leaves out those that schedules ask for. `failed`
 * rejects when it ends before. Errors: those of snapshotModules.
 */
export async function startTrainer(
  { log, topics, configuration, instanceId, logger }: Installation,
  progress: Progress,
  shutdown: Shutdown,
  { onlyAsked = false }: { readonly onlyAsked?: boolean } = {},
): Promise<{ readonly trainer: Trainer; readonly failed: Promise<never> }> {
  const { training } = configuration;
  const { seed, epochs, dimension, textEncoder } = training;
  const { trained, rankers } = modelSettings(configuration.declared);
  const modules = await snapshotModules(configuration);
  const trainer = new Trainer({
    log,
    topics,
    dataDirectory: configuration.data,
    clock: systemClock,
    logger,
    progress,
    seed,
    configOf: configOf(configuration),
    config: {
      dim: dimension,
      ...(epochs !== undefined && { epochs }),
      ...(textEncoder !== undefined && { textEncoder: resolve(textEncoder) }),
    },
    execution: execution(configuration, onlyAsked ? 0 : 1),
    snapshots: snapshotPlan(configuration),
    training: {
      ...training,
      models: trained,
      rankers,
      // Nobody approves a version every quarter of an hour.
      refresh: configuration.versions.promotion === 'automatic' ? training.refresh : 'off',
      deadlineMs: training.deadlineMinutes * 60_000,
      ...(onlyAsked && { schedule: 'off', refresh: 'off' }),
    },
    modules,
    instanceId,
  });
  return { trainer, ...runUntilShutdown('trainer', shutdown, (signal) => trainer.run(signal)) };
}

/** Parameters of single models; a file of a text encoder counts from the working directory. */
function configOf({ declared }: Configuration): Readonly<Record<string, ModelConfig>> {
  const settings = Object.entries(modelSettings(declared).configOf);
  return Object.fromEntries(
    settings.map(([model, { textEncoder, ...config }]) => {
      if (typeof textEncoder !== 'string') return [model, config];
      return [model, { ...config, textEncoder: resolve(textEncoder) }];
    }),
  );
}

/** Where models are trained, as the configuration says; by itself it leaves `freeCores` to what else this process does. */
function execution({ training }: Configuration, freeCores: number): Execution {
  const { provider, threads = Math.max(1, availableParallelism() - freeCores) } = training;
  return { provider, threads };
}

/** How snapshots are taken, as the configuration says. */
export function snapshotPlan({ snapshots, features }: Configuration): SnapshotPlan {
  const { everyHours, everyExamples, keep, split, validationShare, testShare } = snapshots;
  const { negatives: uniform, popularNegatives: byPopularity, seed } = snapshots;
  const { maxPsi, maxKs, maxMissingIncrease } = snapshots;
  return {
    everyMs: everyHours * 3_600_000,
    everyExamples,
    keep,
    split: { by: split, validationShare, testShare },
    negatives: { uniform, byPopularity, seed },
    featureTtlMs: features.ttlMs,
    limits: { maxPsi, maxKs, maxMissingIncrease },
  };
}

/** The views of modules whose rows snapshots have. Errors: those of viewsOfModules and exampleModules. */
export async function snapshotModules({ features }: Configuration): Promise<readonly AnyView[]> {
  return exampleModules(await viewsOfModules(features.modules));
}

/** The one line of `millrace train --json`. */
export function trainingLine({
  version,
  protocol,
  model,
  popularity,
  decayedPopularity,
  decision,
}: TrainingResult) {
  const { status, reason, candidate } = decision;
  const { snapshot_id, dimension, items } = candidate;
  return {
    version,
    protocol,
    model,
    popularity,
    decayedPopularity,
    status,
    reason,
    snapshot: snapshot_id,
    dimension,
    items,
  };
}

export function resultOf(decision: Version): TrainingResult {
  const { version, protocol, metrics, popularity, decayed_popularity } = decision.candidate;
  return { version, protocol, model: metrics, popularity, decayedPopularity: decayed_popularity, decision };
}

/** Quality beside the popularity baselines, in two lines. */
export function qualityLines({ candidate }: Version): readonly [string, string] {
  const { metrics, popularity, decayed_popularity: decayed } = candidate;
  const line = (metric: string) =>
    `${metric} ${figure(metrics[metric])} (popularity ${figure(popularity[metric])}, decayed popularity ${figure(decayed[metric])})`;
  return [line('recall@10'), line('ndcg@10')];
}

/** Of a model that ranks: what it makes of the lists that users were shown, beside the order that it was given. */
export function rankingLine({ version, status, candidate: { metrics, model } }: Version): string {
  const alone = metrics['retrieval-ndcg@10'];
  const beside = alone === undefined ? '' : `, in the order of retrieval alone ${figure(alone)}`;
  return `Ranker ${version} (${model}) ${status}: ndcg@10 of lists shown ${figure(metrics['ndcg@10'])}${beside}`;
}

export function decisionText({ version, status, reason, candidate }: Version): string {
  const size = `${grouped(candidate.items)} items, dimension ${candidate.dimension}`;
  return `version ${version} (${size}) ${status}${reason === null ? '' : `: ${reason}`}`;
}
