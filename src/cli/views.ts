/** Where answers take rows from, as the option `views` says. */
import { type Shutdown, systemClock } from '#platform';
import { RedisViewStore, RedisViewWriter, type ViewStore } from '#responders';
import type { Installation } from './installation.ts';

export type ViewsInRedis = {
  readonly store: ViewStore;
  /** Why what is in Redis is not kept up to date; undefined where it is. */
  notReady(): string | undefined;
};

/**
 * The views in Redis, kept up to date by this process; undefined where they are held in the process. Errors: MR_REDIS_URL,
 * MR_REDIS_REFUSED, MR_REDIS_UNAVAILABLE.
 */
export async function openViewsInRedis(
  { configuration, log, topics, logger, metrics }: Installation,
  shutdown: Shutdown,
): Promise<ViewsInRedis | undefined> {
  if (configuration.views === 'in-process') return undefined;
  const location = { url: configuration.views, ...configuration.redis };
  const environment = { log, clock: systemClock, logger, metrics };
  const writer = await RedisViewWriter.open(location, environment, topics);
  shutdown.add('views in Redis', () => writer.close());
  const store = await RedisViewStore.open(location, environment, topics);
  return { store, notReady: () => writer.notReady() };
}
