/** Where answers take rows from, as the option `views` says. */

import { isOfUser } from '#features';
import { type Shutdown, systemClock } from '#platform';
import {
  type RedisLocation,
  RedisViewStore,
  RedisViewWriter,
  removeDroppedView,
  type ViewStore,
} from '#responders';
import type { OpenedView } from '#topologies';
import { readViewVersions } from '#view-builds';
import { requireNoCopyInForce } from './copies-in-force.ts';
import { type Installation, ownName, withoutUser } from './installation.ts';

export type ViewsInRedis = {
  readonly store: ViewStore;
  /** Why what is in Redis is not kept up to date; undefined where it is. */
  notReady(): string | undefined;
};

/**
 * The views in Redis, kept up to date by this process; undefined where they are held in the process. Errors: MR_REDIS_URL,
 * MR_REDIS_REFUSED, MR_REDIS_UNAVAILABLE, MR_SWAP_REDIS.
 */
export async function openViewsInRedis(
  installation: Installation,
  modules: readonly OpenedView[],
  shutdown: Shutdown,
): Promise<ViewsInRedis | undefined> {
  const { configuration, log, topics, logger, metrics } = installation;
  if (configuration.views === 'in-process') return undefined;
  await requireNoCopyInForce(log);
  const location = redisLocation(installation);
  const environment = { log, clock: systemClock, logger, metrics };
  for (const version of (await readViewVersions(installation)).values()) {
    if (version.status === 'dropped') await removeDroppedView(location, environment, version);
  }
  const writers: RedisViewWriter[] = [];
  shutdown.add('views in Redis', async () => {
    await Promise.all(writers.map((writer) => writer.close()));
  });
  writers.push(await RedisViewWriter.open(location, environment, topics));
  for (const module of modules.filter(({ view }) => isOfUser(view))) {
    writers.push(await RedisViewWriter.openModule(location, environment, module));
  }
  const store = await RedisViewStore.open(location, environment, topics, modules);
  return { store, notReady: () => writers.map((writer) => writer.notReady()).find(Boolean) };
}

/** Where the views lie, as views of this log: no other's are taken for them. */
export function redisLocation({
  configuration,
  directory,
  identity,
  embedded,
}: Pick<Installation, 'configuration' | 'directory' | 'identity' | 'embedded'>): RedisLocation {
  const { views: url, redis, log, data } = configuration;
  const owner =
    embedded === undefined
      ? { id: identity, name: withoutUser(log) }
      : { id: ownName(directory), name: `the one in ${data}` };
  return { url, ...redis, owner };
}
