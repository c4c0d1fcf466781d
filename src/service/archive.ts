/** The archive as commands run it. */

import { featureViews } from '#features';
import { type ArchiveOptions, runArchive } from '#offline';
import { type Progress, type Shutdown, systemClock } from '#platform';
import { viewsOfModules } from '#processing';
import type { Installation } from './installation.ts';
import { runUntilShutdown } from './interruption.ts';

const DAY_MS = 86_400_000;

/** Archives until `shutdown`, where no other archive of the log does; what is left then is archived by the next start. */
export async function startArchive(
  installation: Installation,
  shutdown: Shutdown,
  told: Pick<ArchiveOptions, 'onRole' | 'onStalled'> = {},
): Promise<{ readonly failed: Promise<never> }> {
  const options = { ...(await archiveOptions(installation)), ...told };
  return runUntilShutdown('archive', shutdown, (signal) => runArchive(options, signal));
}

/** As the configuration wants it. Errors: MR_FEATURES_MODULE. */
export async function archiveOptions(
  { log, topics, configuration, files, logger, metrics, instanceId }: Installation,
  progress?: Progress,
): Promise<ArchiveOptions> {
  const { flushSeconds, flushRecords, eventsDays, featuresDays } = configuration.offline;
  return {
    log,
    topics,
    dataDirectory: configuration.data,
    files,
    clock: systemClock,
    logger,
    metrics,
    instanceId,
    flushMs: flushSeconds * 1_000,
    flushRecords,
    retention: { eventsMs: eventsDays * DAY_MS, featuresMs: featuresDays * DAY_MS },
    views: [...featureViews, ...(await viewsOfModules(configuration.features.modules))],
    ...(progress && { progress }),
  };
}
