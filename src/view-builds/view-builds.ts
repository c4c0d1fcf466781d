import { type AnyView, versionedName } from '#features';
import type { OfflineSource } from '#offline';
import type { Clock, Logger } from '#platform';
import { type Processing, type ProcessingOptions, startProcessing } from '#processing';
import { bringArchivedEvents } from './archived-events.ts';
import { declareVersion, takeOver } from './registry.ts';

export type ViewBuildOptions = Omit<ProcessingOptions, 'runs' | 'onProgress'> &
  OfflineSource & { readonly clock: Clock; readonly logger: Logger };

/** A view of a module at work: first it is built from the beginning of the log, then it is kept up. */
export type ViewBuild = {
  readonly processing: Processing;
  /** Resolves when it has taken its place beside the live views, or that of an older version. */
  readonly live: Promise<void>;
};

/**
 * Starts a worker for the view. While its rows are being built the version that they will replace stays live; the
 * switch is an event on topic `feature-views`. Errors: MR_FEATURES_DECLARATION, MR_PROCESSING_FAILED, those of
 * bringArchivedEvents.
 */
export async function startViewBuild(view: AnyView, options: ViewBuildOptions): Promise<ViewBuild> {
  const { log, topics, dataDirectory, files, clock, logger } = options;
  const environment = { log, topics, clock };
  const isBuilding = await declareVersion(environment, view);
  const name = versionedName(view);
  if (isBuilding) await bringArchivedEvents({ log, topics, dataDirectory, files }, view);
  const worker = await startProcessing({
    ...options,
    runs: { view: name },
    onProgress: ({ lag }) => {
      const left = Object.values(lag).reduce((sum, each) => sum + each, 0);
      logger.debug({ view: name, left }, 'events to go');
    },
  });
  const caughtUp = async () => {
    await worker.untilCaughtUp();
    if (!isBuilding) return;
    await takeOver(environment, view);
    logger.info({ view: name }, 'the view is built and live');
  };
  const live = caughtUp();
  // Whoever does not wait for it learns of a failure by the worker's end.
  live.catch(() => {});
  return { processing: worker, live };
}
