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
import { requireOwnGeneration } from '#replays';
import { EXAMPLE_PATH } from '#topologies';
import { declareViews, startViewBuild } from '#view-builds';
import { noteOptions } from './deciding-options.ts';
import type { Installation } from './installation.ts';
import { unlessInterrupted } from './interruption.ts';
import { acceptedHashes, planInstallation } from './planning/plan.ts';
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
  /** Whether the tasks are being assigned and restored still. */
  isRestoring(): boolean;
  latest(): ProcessingProgress;
  onProgress: (progress: ProcessingProgress) => void;
};

/** Told how a carry-over of an earlier release's state goes on. */
export type CarryOverNotes = Pick<CarryOverEnvironment, 'onProgress' | 'onWaiting'> & {
  readonly onDone: () => void;
};

export type PipelineOptions = {
  readonly notes?: CarryOverNotes;
  /** The hash of the plan that was accepted. */
  readonly accepted?: string | undefined;
  readonly isDeferred?: boolean;
};

/**
 * Starts the processors. What an earlier release has left is carried over first: with `notes`, while the caller goes on and
 * tells how far it is, and else before this resolves; `isDeferred`: so are the tasks restored while the caller goes on. Errors: those of earlierGeneration and carryOver;
 * MR_SWAP_OTHER_GENERATION; MR_PLAN_UNSAFE where the plan needs a person's word and `accepted` is not its hash.
 */
export async function startPipeline(
  installation: Installation,
  shutdown: Shutdown,
  { notes, accepted, isDeferred = false }: PipelineOptions = {},
): Promise<Pipeline> {
  const { configuration, directory } = installation;
  const topology = await declaredLoop(installation.topics, installation.registry, configuration);
  await requireOwnGeneration(installation.log, topology);
  const earlier = await earlierGeneration(installation.log, topology);
  const plans = acceptedHashes(await planInstallation(installation), accepted);
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
  let hasBegun = false;
  const begin = async (signal: AbortSignal) => {
    const begun = await startProcessing({
      ...installation,
      signal,
      accepted: plans.get(`${topology.name}-${topology.generation}`)?.accepted,
      stateDirectory,
      endpoint: advertisedAddress(configuration),
      onProgress,
    });
    await removeEarlierStores(stateDirectory, topology);
    hasBegun = true;
    return begun;
  };
  const takeOver = async (signal: AbortSignal) => {
    const { onProgress, onWaiting, onDone } = notes ?? SILENT;
    const accepted = plans.get(`${topology.name}-${topology.generation}`)?.carryOver;
    const told = { onProgress, onWaiting };
    const environment = { ...installation, topology, clock: systemClock, signal, accepted, ...told };
    await carryOverEarlier(environment);
    onDone();
    return begin(signal);
  };
  const isNew = earlier === undefined;
  const isWaitedFor = isNew ? !isDeferred : notes === undefined;
  const way = isNew ? begin : takeOver;
  const processing = isWaitedFor
    ? await unlessInterrupted(way(shutdown.signal), shutdown.signal)
    : new DeferredProcessing(isNew ? 'restore' : 'carry-over', way);
  shutdown.add('processing', () => processing.stop());
  const ended = [processing.ended];
  for (const view of await viewsOfModules(configuration.features.modules)) {
    const build = await startViewBuild(view, {
      ...installation,
      accepted: plans.get(`view-${view.name}-${view.version}`)?.accepted,
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
    // A process that carries over is ready: one that is not would keep those alive that it is to replace.
    isRestoring: () => isNew && !hasBegun,
    latest: () => latest,
  });
}

export type Processed = {
  /** Admitted by this process. */
  readonly events: number;
  /** Records that were waiting in any stage, of earlier events too. */
  readonly left: number;
  readonly ms: number;
};

/** Waits until everything written so far is processed, with a bar over what was left of it. */
export async function catchUp(
  pipeline: Omit<Pipeline, 'topology' | 'processing' | 'failed' | 'isTakingOver' | 'isRestoring'> & {
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
  const ms = systemClock.monotonic() - pipeline.startedAt;
  return { events: pipeline.latest().admitted, left: total, ms };
}
