/** The version that a start answers from: the one in force, or the first one, which it trains. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { modelSettings } from '#models';
import { readRegistry, readVersions } from '#offline';
import { errorCode, type Progress, type Shutdown, systemClock } from '#platform';
import { versionInForce } from '#processors';
import type { Responder } from '#responders';
import type { Version } from '#schemas';
import { type Installation, type Pipeline, type TrainerRole, throwIfInterrupted } from '#service';
import type { Configuration } from '#service/configuration';
import { isObjectStore } from '#storage';
import type { Trainer } from '#trainer';
import { notice, type Output } from '../output.ts';
import { rankingLine } from '../training/training.ts';

/** How long a version that was promoted may take to be loaded. */
const LOADING_MS = 20_000;

export type Model = {
  /** The version in force, or the one that was refused; undefined where there is none. */
  readonly decided: Version | undefined;
  readonly trainer: Trainer;
  /** Undefined where nothing was trained. */
  readonly trainedMs: number | undefined;
  /** Rejects when the trainer or processing end by themselves. */
  readonly failed: Promise<never>;
};

/**
 * The versions that find items and are of any use; what is archived may not be used any more: an erasure leaves nothing else
 * where every version held the user.
 */
export async function usableVersions(installation: Installation): Promise<readonly Version[]> {
  const published = (await readVersions(installation)).filter(
    ({ candidate }) => candidate.role === 'retrieval',
  );
  return published.every(({ status }) => status === 'archived') ? [] : published;
}

export type FirstVersionOptions = {
  readonly pipeline: Pipeline;
  readonly responder: Responder;
  readonly trainer: TrainerRole;
  /** Those from before this start. */
  readonly known: readonly Version[];
  readonly shutdown: Shutdown;
  readonly output: Output;
  readonly progress: Progress;
};

/** Has the responder answer from the version in force, which is trained where no version was decided on before. */
export async function bringUpModel(
  installation: Installation,
  { pipeline, responder, trainer: role, known, shutdown, output, progress }: FirstVersionOptions,
): Promise<Model> {
  const { configuration } = installation;
  const { signal } = shutdown;
  const { trainer, failed: trainerFailed } = await role.beginAsked(progress, shutdown);
  const failed = Promise.race([pipeline.failed, trainerFailed]);
  failed.catch(() => {});

  const trainedAt = systemClock.monotonic();
  const isNew = known.length === 0;
  const train = () => Promise.race([trainer.train(configuration.training, signal), failed]);
  const newest = isNew ? await decisionOf(train, output) : known.at(-1);
  const trainedMs = isNew ? systemClock.monotonic() - trainedAt : undefined;
  const inForce = versionInForce(await readRegistry(installation), 'retrieval');
  await serving(responder, inForce, { isNew, configuration, output, signal });
  return { trainer, decided: inForce ?? newest, trainedMs, failed };
}

/**
 * Models that rank, then those that know which items go with one another, on the snapshot of the version that answers: it
 * is better to answer first.
 */
export function trainBehind(
  { configuration, logger }: Installation,
  { trainer, decided }: Model,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): void {
  if (decided?.status !== 'promoted') return;
  const { snapshot_id: snapshotId } = decided.candidate;
  const { rankers, similar } = modelSettings(configuration.declared);
  const train = async (what: string, models: readonly string[]): Promise<Version | undefined> => {
    if (models.length === 0) return undefined;
    try {
      const wanted = { seed: configuration.training.seed, models, snapshotId };
      return (await trainer.train(wanted, signal)).decision;
    } catch (err) {
      // Whoever publishes no impressions is served without a ranker.
      if (!signal.aborted) logger.info({ err }, `no ${what} was trained`);
      return undefined;
    }
  };
  const trainAll = async () => {
    const ranker = await train('ranker', rankers);
    if (ranker !== undefined) notice(output, rankingLine(ranker));
    await train('model of similar items', similar);
  };
  void trainAll();
}

/** The decision over the first version; none where there is nothing to train on yet. */
async function decisionOf(
  run: () => Promise<{ readonly decision: Version }>,
  output: Output,
): Promise<Version | undefined> {
  try {
    return (await run()).decision;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'MR_SNAPSHOT_SUSPECT') {
      notice(output, `${(error as Error).message} Popular items are served. See: millrace snapshot --last`);
    } else if (code === 'MR_SNAPSHOT_EMPTY') {
      notice(output, 'There is nothing to train on yet, so popular items are served. Later: millrace train');
    } else throw error;
    return undefined;
  }
}

type Serving = {
  readonly isNew: boolean;
  readonly configuration: Configuration;
  readonly output: Output;
  readonly signal: AbortSignal;
};

/**
 * Waits until the responder answers from `version`. One of an earlier start is loaded or refused when it is ready; one
 * that was just promoted reaches it a moment later.
 */
async function serving(
  responder: Responder,
  version: Version | undefined,
  { isNew, configuration, output, signal }: Serving,
): Promise<void> {
  await responder.ready();
  const until = systemClock.monotonic() + (isNew ? LOADING_MS : 0);
  while (version !== undefined && responder.version !== version.version) {
    throwIfInterrupted(signal);
    if (systemClock.monotonic() >= until) {
      notice(output, whyNotServed(version, configuration));
      return;
    }
    await systemClock.sleep(20, signal);
  }
}

/** Without an object store, a version's files lie in the data directory that trained it, while the log tells every one of it. */
function whyNotServed({ version, candidate }: Version, { data, storage }: Configuration): string {
  const path = join(data, candidate.directory);
  if (isObjectStore(storage) && !existsSync(path))
    return `Version ${version} cannot be served: it could not be brought from ${storage}, as the log lines above say. Popular items are served until it can.`;
  if (existsSync(path)) return `Version ${version} cannot be served; the log lines above say why.`;
  return `Version ${version} cannot be served: ${path} does not exist, since another data directory trained it. Popular items are served until you copy ${candidate.directory} from there, or have option storage name an object store for both; it is then loaded automatically.`;
}
