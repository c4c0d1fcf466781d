import type { Clock, Logger } from '#platform';
import type { RedisConnection } from './connection.ts';
import { Generations } from './generations.ts';
import { Keyspace } from './keyspace.ts';
import { marksOf } from './progress.ts';
import { COMMON_NAMESPACE } from './redis-url.ts';
import { savedAtOf } from './shard-mark.ts';

/** Writers save once a second: by then, none of an earlier release is at work there. */
const SILENT_MS = 60_000;
const PAGE = 500;
const REST_MS = 5;

type Environment = {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  readonly logger: Logger;
};

/**
 * Removes the keys that releases without owners of namespaces have left below the one that all logs shared. A log that
 * names it in its address owns it, and it stays. While a writer still saves there nothing is removed, and the log says so;
 * views that were removed under one that comes back later are built by it from its log.
 */
export async function removeCommonNamespace(
  { connection, clock, logger }: Environment,
  signal: AbortSignal,
): Promise<'done' | 'in use'> {
  const keys = new Keyspace(COMMON_NAMESPACE);
  if ((await connection.get(keys.control('owner'))) !== null) return 'done';
  const savedAt = await newestSave(connection, keys);
  if (savedAt === undefined) return 'done';
  if (clock.now() - savedAt < SILENT_MS) {
    const namespace = COMMON_NAMESPACE;
    logger.warn(
      { namespace, savedAt },
      'an earlier release keeps views in Redis under a namespace that no log owns',
    );
    return 'in use';
  }
  let removed = 0;
  for (const pattern of [`${COMMON_NAMESPACE}:{*`, `${COMMON_NAMESPACE}/*:{*`]) {
    for await (const page of connection.scan(pattern, PAGE)) {
      if (signal.aborted) return 'in use';
      await connection.unlink(page);
      removed += page.length;
      await clock.sleep(REST_MS, signal);
    }
  }
  logger.info(
    { namespace: COMMON_NAMESPACE, keys: removed },
    'views of an earlier release were removed from Redis',
  );
  return 'done';
}

/** Ms of the wall clock; undefined where there are no views. */
async function newestSave(connection: RedisConnection, keys: Keyspace): Promise<number | undefined> {
  const generations = new Generations(connection, keys);
  const found = [await generations.live(), await generations.next(), ...(await generations.garbage())];
  let newest: number | undefined;
  for (const generation of found) {
    if (generation === undefined) continue;
    const marks = (['user', 'item'] as const).flatMap((entity) => marksOf(keys, generation, entity));
    const saved = (await connection.mget(marks)).map(savedAtOf);
    newest = Math.max(newest ?? 0, ...saved);
  }
  return newest;
}
