/** The processors as commands run them, and the wait for them with a bar. */

import { join } from 'node:path';
import { featureViews } from '#features';
import { ConfigurationError, type Progress, type Shutdown, systemClock } from '#platform';
import { type Processing, type ProcessingProgress, startProcessing, viewsOfModules } from '#processing';
import { EXAMPLE_PATH, LOOP_GENERATION } from '#topologies';
import { declareViews, startViewBuild } from '#view-builds';
import { noteOptions } from './deciding-options.ts';
import type { Installation } from './installation.ts';
import { advertisedAddress } from './server.ts';

export type Pipeline = {
  readonly processing: Processing;
  readonly startedAt: number;
  /** Rejects when processing ends by itself. */
  readonly failed: Promise<never>;
  latest(): ProcessingProgress;
  onProgress: (progress: ProcessingProgress) => void;
};

export async function startPipeline(installation: Installation, shutdown: Shutdown): Promise<Pipeline> {
  const { configuration, directory } = installation;
  await refuseOutdated(installation);
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
  const processing = await startProcessing({
    ...installation,
    signal: shutdown.signal,
    stateDirectory,
    endpoint: advertisedAddress(configuration),
    onProgress,
  });
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
  const failed = Promise.race(ended).then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  return Object.assign(listener, { processing, startedAt, failed, latest: () => latest });
}

export type Processed = { readonly events: number; readonly ms: number };

/** Waits until everything written so far is processed, with a bar over what was left of it. */
export async function catchUp(
  pipeline: Omit<Pipeline, 'processing' | 'failed'> & {
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

/** What an earlier generation has accepted would be written once more beside that. */
async function refuseOutdated({ log }: Installation): Promise<void> {
  const names = (await log.describeTopics()).map(({ name }) => name);
  const generations = names.flatMap((name) => /^loop-(\d+)-/.exec(name)?.[1] ?? []);
  if (generations.every((generation) => Number(generation) >= LOOP_GENERATION)) return;
  throw new ConfigurationError(
    'MR_DATA_OUTDATED',
    'The log was processed by an earlier version of the product.',
    {
      hint: 'Begin a new data directory with --data DIR, and publish or import the events again.',
    },
  );
}
