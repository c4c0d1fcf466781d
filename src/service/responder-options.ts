import { systemClock } from '#platform';
import { openViewsOfModules } from '#processing';
import type { ResponderOptions } from '#responders';
import type { OpenedView } from '#topologies';
import type { Installation } from './installation.ts';

/**
 * How answers are made and features read: by the server, and by commands that do it themselves where none runs, from the
 * same configuration. Errors: those of openViewsOfModules and openPseudonyms.
 */
export async function responderOptions(
  installation: Installation,
): Promise<ResponderOptions & { readonly modules: readonly OpenedView[] }> {
  const { log, topics, logger, metrics, configuration } = installation;
  return {
    log,
    topics,
    pseudonyms: await installation.pseudonyms(),
    dataDirectory: configuration.data,
    clock: systemClock,
    logger,
    metrics,
    modules: await openViewsOfModules(installation, configuration.features.modules),
    featureTtlMs: configuration.features.ttlMs,
  };
}
