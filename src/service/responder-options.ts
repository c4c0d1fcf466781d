import { systemClock } from '#platform';
import { openViewsOfModules } from '#processing';
import { type InForce, readInForce, topicInForce, topicsInForce } from '#replays';
import type { ResponderOptions } from '#responders';
import type { OpenedView, Topics } from '#topologies';
import type { Installation } from './installation.ts';

/**
 * How answers are made and features read: by the server, and by commands that do it themselves where none runs, from the
 * same configuration and the copies of the views that are in force. Errors: those of openViewsOfModules and openPseudonyms.
 */
export async function responderOptions(installation: Installation): Promise<
  ResponderOptions & {
    readonly modules: readonly OpenedView[];
    readonly inForce: ReadonlyMap<string, InForce>;
  }
> {
  const { log, logger, metrics, configuration, files } = installation;
  const inForce = await readInForce(log);
  return {
    log,
    inForce,
    ...(await rowsInForce(installation, inForce)),
    pseudonyms: await installation.pseudonyms(),
    dataDirectory: configuration.data,
    files,
    clock: systemClock,
    logger,
    metrics,
    featureTtlMs: configuration.features.ttlMs,
    recommending: configuration.recommend,
  };
}

/** The topics of views as they are read now: of the live copies, or of those that stand in for them. */
export async function rowsInForce(
  installation: Pick<Installation, 'log' | 'registry' | 'topics' | 'configuration'>,
  inForce: ReadonlyMap<string, InForce>,
): Promise<{ readonly topics: Topics; readonly modules: readonly OpenedView[] }> {
  const modules = await openViewsOfModules(installation, installation.configuration.features.modules);
  return {
    topics: topicsInForce(installation.topics, inForce) as unknown as Topics,
    modules: modules.map(({ view, topic }) => ({ view, topic: topicInForce(topic, inForce) })),
  };
}
