/** The steps of `millrace start`, in the order that serves the first answer soonest. */

import { cleanPeriodically, type Processing, type ProcessingProgress, startProcessing } from '#operations';
import { type DirectoryLock, errorCode, type Progress, type Shutdown, systemClock } from '#platform';
import { openResponder, type Recommendation, type Responder } from '#responders';
import type { Version } from '#schemas';
import { startAgents } from './agents.ts';
import { commandProgress } from './command-progress.ts';
import type { Installation } from './installation.ts';
import { throwIfInterrupted } from './interruption.ts';
import { newestRecords } from './newest-records.ts';
import { notice, type Output } from './output.ts';
import { printAnswer } from './recommend.ts';
import { serve } from './server.ts';
import { printSummary } from './summary.ts';
import { startTrainer } from './training.ts';
import { readVersions, servingVersion } from './versions.ts';
import { makeWorld } from './world.ts';

export type BringUpOptions = {
  readonly shutdown: Shutdown;
  readonly output: Output;
  readonly lock: DirectoryLock;
  /** When the command began, on the monotonic clock, ms. */
  readonly startedAt: number;
};

/** How long a version that was promoted may take to be loaded. */
const LOADING_MS = 20_000;

/** Resolves when everything is up; `failed` rejects when a part of it ends by itself. */
export async function bringUp(
  installation: Installation,
  { shutdown, output, lock, startedAt }: BringUpOptions,
): Promise<{ readonly failed: Promise<never> }> {
  const { configuration, log, logger, metrics } = installation;
  const { signal } = shutdown;
  const progress = commandProgress(output, signal);
  const pipeline = await startPipeline(installation, shutdown);
  const { processing } = pipeline;

  const worldAt = systemClock.monotonic();
  const made = await makeWorld(installation, { progress, signal });
  const madeMs = systemClock.monotonic() - worldAt;
  const processed = await catchUp(pipeline, progress);
  throwIfInterrupted(signal);

  const responder = await openResponder({
    ...installation,
    dataDirectory: configuration.data,
    clock: systemClock,
  });
  shutdown.add('responder', () => responder.close());
  const { trainer, failed: trainerFailed } = startTrainer(installation, progress, shutdown);
  const trainedAt = systemClock.monotonic();
  const known = await readVersions(installation);
  const decided = known.at(-1) ?? (await train(() => trainer.train(configuration.training, signal), output));
  const trainedMs = known.length === 0 ? systemClock.monotonic() - trainedAt : undefined;
  const version = servingVersion(known) ?? (decided?.status === 'promoted' ? decided : undefined);
  await serving(responder, version, signal);

  const user = await someUser(installation);
  const answer = user === undefined ? undefined : await responder.recommend(user);
  const firstAnswerMs = systemClock.monotonic() - startedAt;
  throwIfInterrupted(signal);
  if (answer !== undefined && !output.json) showAnswer(output, answer);

  const url = await serve(installation, { processing, responder }, shutdown);
  lock.publishAddress(url);
  const { liveEventsPerSecond } = configuration.simulation;
  const world = liveEventsPerSecond > 0 ? made?.world : undefined;
  if (world !== undefined) {
    const agents = startAgents({ world, eventsPerSecond: liveEventsPerSecond, url, logger, metrics });
    shutdown.add('agents', () => agents.stop());
  }
  const cleaning = cleanPeriodically({ log, clock: systemClock, logger, metrics, signal });
  shutdown.add('cleaning', () => cleaning);
  // A training that is asked for later has no bar in this terminal.
  progress.hush();
  printSummary(output, {
    configuration,
    made,
    madeMs,
    processed,
    decided: version ?? decided,
    trainedMs,
    answer,
    firstAnswerMs,
    url,
    eventsPerSecond: world === undefined ? 0 : liveEventsPerSecond,
  });
  const processingFailed = processing.ended.then(() => new Promise<never>(() => {}));
  return { failed: Promise.race([processingFailed, trainerFailed]) };
}

type Pipeline = {
  readonly processing: Processing;
  readonly startedAt: number;
  latest(): ProcessingProgress;
  onProgress: (progress: ProcessingProgress) => void;
};

export async function startPipeline(
  { configuration, log }: Installation,
  shutdown: Shutdown,
): Promise<Pipeline> {
  let latest: ProcessingProgress = { processed: 0, admitted: 0, lag: {} };
  const startedAt = systemClock.monotonic();
  const processing = await startProcessing({
    log,
    dataDirectory: configuration.data,
    configuration,
    onProgress: (progress) => {
      latest = progress;
      pipeline.onProgress(progress);
    },
  });
  shutdown.add('processing', () => processing.stop());
  const pipeline: Pipeline = { processing, startedAt, latest: () => latest, onProgress: () => {} };
  return pipeline;
}

export type Processed = { readonly events: number; readonly ms: number };

/** Waits until everything written so far is processed, with a bar over what was left of it. */
export async function catchUp(pipeline: Pipeline, progress: Progress): Promise<Processed> {
  const behind = ({ lag }: ProcessingProgress) => {
    const { interactions = 0, 'interactions-accepted': accepted = 0 } = lag;
    return interactions + accepted;
  };
  let total = 0;
  let step: ReturnType<Progress['start']> | undefined;
  pipeline.onProgress = (latest) => {
    const left = behind(latest);
    if (step === undefined && left > 0) {
      total = left;
      step = progress.start('Processing events', total);
    }
    // The last stages have work left when the first ones are through.
    step?.update(Math.min(total - 1, Math.max(0, total - left)));
  };
  await pipeline.processing.untilCaughtUp();
  pipeline.onProgress = () => {};
  step?.update(total);
  step?.done();
  return { events: pipeline.latest().admitted, ms: systemClock.monotonic() - pipeline.startedAt };
}

/** The decision over the first version; none where there is nothing to train on yet. */
async function train(
  run: () => Promise<{ readonly decision: Version }>,
  output: Output,
): Promise<Version | undefined> {
  try {
    return (await run()).decision;
  } catch (error) {
    if (errorCode(error) !== 'MR_SNAPSHOT_EMPTY') throw error;
    notice(output, 'There is nothing to train on yet: popular items are served. Later: millrace train');
    return undefined;
  }
}

/** Waits until the responder answers from `version`; one that can't be loaded is left to its log. */
async function serving(
  responder: Responder,
  version: Version | undefined,
  signal: AbortSignal,
): Promise<void> {
  await responder.ready();
  const until = systemClock.monotonic() + LOADING_MS;
  while (version !== undefined && responder.version !== version.version && systemClock.monotonic() < until) {
    throwIfInterrupted(signal);
    await systemClock.sleep(20, signal);
  }
}

/** The user of the newest event. */
async function someUser({ log, topics }: Installation): Promise<string | undefined> {
  const { reader, newest } = await newestRecords(log, topics['interactions-accepted'], 1);
  await reader.close();
  return newest[0]?.key;
}

function showAnswer(output: Output, answer: Recommendation): void {
  output.line();
  printAnswer(output, answer);
  output.line();
}
