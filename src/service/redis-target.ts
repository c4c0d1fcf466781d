/** The rows of a user in Redis, as a place that is erased. */
import { rowsInViews } from '#erasure';
import { featureViews, userProfileView, versionedName } from '#features';
import { type Clock, errorCode, RetryableError, type Shutdown } from '#platform';
import type { EraseTarget } from '#privacy';
import { RedisViewStore, type ViewStore } from '#responders';
import type { OpenedView } from '#topologies';
import type { Installation } from './installation.ts';
import { redisLocation, type ViewsInRedis } from './views.ts';

type Redis = {
  /** The views of modules, as who keeps the views in Redis has them. */ readonly modules: readonly OpenedView[];
};

type Waiting = { readonly clock: Clock; readonly patienceMs: number; readonly signal: AbortSignal };

const POLL_MS = 200;

/**
 * Waits until whoever keeps the views in Redis has deleted the rows; undefined where they are not there. `views` are those
 * that this process keeps; without them another one does.
 */
export async function redisTarget(
  installation: Installation & Waiting & Redis,
  views: ViewsInRedis | undefined,
  shutdown: Shutdown,
): Promise<EraseTarget | undefined> {
  const { configuration, log, topics, logger, metrics, clock, modules } = installation;
  if (configuration.views === 'in-process') return undefined;
  const location = redisLocation(installation);
  const store =
    views?.store ?? (await RedisViewStore.open(location, { log, clock, logger, metrics }, topics, modules));
  shutdown.add('rows in Redis', () => store.close());
  return {
    name: 'redis',
    erase: async (pseudonym) => {
      const views = new Map<string, string>([
        ...featureViews.map((view) => [versionedName(view), view.name] as const),
        ...modules.map(({ topic }) => [topic.name, topic.name] as const),
      ]);
      const keys = (await rowsInViews(installation, pseudonym)).flatMap(({ topic, key }) => {
        const view = views.get(topic);
        return view === undefined ? [] : [{ view, key }];
      });
      keys.push({ view: userProfileView.name, key: pseudonym });
      return { where: 'views in Redis', rows: await untilGone(store, keys, installation) };
    },
  };
}

async function untilGone(
  store: ViewStore,
  keys: Parameters<ViewStore['rows']>[0],
  { clock, patienceMs, signal }: Waiting,
): Promise<number> {
  const until = clock.monotonic() + patienceMs;
  let met = 0;
  for (;;) {
    const left = (await rows(store, keys))?.filter((row) => row !== undefined).length;
    met = Math.max(met, left ?? 0);
    if (left === 0) return met;
    signal.throwIfAborted();
    if (clock.monotonic() > until) {
      throw new RetryableError('MR_PRIVACY_VIEWS_REMAIN', 'Rows of the user are still in Redis.', {
        hint: 'Check that "millrace start" keeps the views in Redis up to date, then erase the user again.',
      });
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** Undefined while Redis has no complete views: they are being built. */
async function rows(
  store: ViewStore,
  keys: Parameters<ViewStore['rows']>[0],
): Promise<readonly unknown[] | undefined> {
  try {
    return await store.rows(keys);
  } catch (error) {
    if (error instanceof RetryableError && /^MR_(VIEWS|REDIS)_/.test(errorCode(error) ?? ''))
      return undefined;
    throw error;
  }
}
