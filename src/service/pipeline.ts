/** The processors as commands run them, and the wait for them with a bar. */

import { join } from 'node:path';
import type { Topology } from '#engine';
import { featureViews } from '#features';
import { type Progress, type Shutdown, systemClock } from '#platform';
import {
  type CarryOverEnvironment,
  carryOverEarlier,
  DeferredProcessing,
  declaredLoop,
  earlierGeneration,
  type Processing,
  type ProcessingProgress,
  removeEarlierStores,
  startProcessing,
  viewsOfModules,
} from '#processing';
import { EXAMPLE_PATH } from '#topologies';
import { declareViews, startViewBuild } from '#view-builds';
import { noteOptions } from './deciding-options.ts';
import type { Installation } from './installation.ts';
import { unlessInterrupted } from './interruption.ts';
import { advertisedAddress } from './server.ts';

const SILENT: CarryOverNotes = { onProgress: () => {}, onWaiting: () => {}, onDone: () => {} };

export type Pipeline = {
  readonly topology: Topology;
  readonly processing: Processing;
  readonly startedAt: number;
  /** Rejects when processing ends by itself. */
  readonly failed: Promise<never>;
  /** Whether processing begins later, after what an earlier release has left is carried over. */
  readonly isTakingOver: boolean;
  latest(): ProcessingProgress;
  onProgress: (progress: ProcessingProgress) => void;
};

/** Told how a carry-over of an earlier release's state goes on. */
export type CarryOverNotes = Pick<CarryOverEnvironment, 'onProgress' | 'onWaiting'> & {
  readonly onDone: () => void;
};

/**
 * Starts the processors. What an earlier release has left is carried over first: with `notes`, while the caller goes on and
 * tells how far it is, and else before this resolves. Errors: those of earlierGeneration and carryOver.
 */
export async function startPipeline(
  installation: Installation,
  shutdown: Shutdown,
  notes?: CarryOverNotes,
): Promise<Pipeline> {
  const { configuration, directory } = installation;
  const topology = await declaredLoop(installation.topics, installation.registry, configuration);
  const earlier = await earlierGeneration(installation.log, topology);
  await declareViews({ ...installation, clock: systemClock }, featureViews);
  let latest: ProcessingProgress = { processed: 0, admitted: 0, lag: {} };
  const startedAt = systemClock.monotonic();
  const stateDirectory = join(directory, 'state');
  noteOptions(directory, configuration);
  const listener = { onProgress: (_: ProcessingProgress): void => {} };
  const onProgress = (progress: ProcessingProgress) => {
    latest = progress;
    listener.onProgress(progress);
  };
  const begin = async (signal: AbortSignal) => {
    const begun = await startProcessing({
      ...installation,
      signal,
      stateDirectory,
      endpoint: advertisedAddress(configuration),
      onProgress,
    });
    await removeEarlierStores(stateDirectory, topology);
    return begun;
  };
  const takeOver = async (signal: AbortSignal) => {
    const { onProgress, onWaiting, onDone } = notes ?? SILENT;
    const environment = { ...installation, topology, clock: systemClock, signal, onProgress, onWaiting };
    await carryOverEarlier(environment);
    onDone();
    return begin(signal);
  };
  const processing = await (earlier === undefined
    ? begin(shutdown.signal)
    : notes === undefined
      ? unlessInterrupted(takeOver(shutdown.signal), shutdown.signal)
      : new DeferredProcessing(takeOver));
  shutdown.add('processing', () => processing.stop());
  const ended = [processing.ended];
  for (const view of await viewsOfModules(configuration.features.modules)) {
    const build = await startViewBuild(view, {
      ...installation,
      stateDirectory,
      dataDirectory: configuration.data,
      clock: systemClock,
    });
    shutdown.add(`view ${view.name}`, () => build.processing.stop());
    ended.push(build.processing.ended);
  }
  const isTakingOver = earlier !== undefined && notes !== undefined;
  const failed = Promise.race(ended).then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  return Object.assign(listener, {
    topology,
    processing,
    startedAt,
    failed,
    isTakingOver,
    latest: () => latest,
  });
}

export type Processed = { readonly events: number; readonly ms: number };

/** Waits until everything written so far is processed, with a bar over what was left of it. */
export async function catchUp(
  pipeline: Omit<Pipeline, 'topology' | 'processing' | 'failed' | 'isTakingOver'> & {
    readonly processing: Pick<Processing, 'untilCaughtUp'>;
  },
  progress: Progress,
): Promise<Processed> {
  const behind = ({ lag }: ProcessingProgress) =>
    EXAMPLE_PATH.reduce((sum, topic) => sum + (lag[topic] ?? 0), 0);
  let total = 0;
  let shown = 0;
  let step: ReturnType<Progress['start']> | undefined;
  pipeline.onProgress = (latest) => {
    const left = behind(latest);
    if (step === undefined && left > 0) {
      total = left;
      step = progress.start('Processing events', total);
    }
    // More is left when a stage has written for the next one, or another thread has told of its tasks. What waits for its
    // time to come, and what is not committed, is left when all else is through.
    shown = Math.max(shown, Math.min(total - 1, total - left));
    step?.update(shown);
  };
  await pipeline.processing.untilCaughtUp();
  pipeline.onProgress = () => {};
  step?.update(total);
  step?.done();
  return { events: pipeline.latest().admitted, ms: systemClock.monotonic() - pipeline.startedAt };
}
