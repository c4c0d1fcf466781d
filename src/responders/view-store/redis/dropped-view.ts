import type { AnyView } from '#features';
import type { Clock, Logger } from '#platform';
import { RedisConnection } from './connection.ts';
import { Generations } from './generations.ts';
import { Keyspace } from './keyspace.ts';
import type { RedisLocation } from './redis-url.ts';
import { removeGeneration } from './sweep.ts';

/**
 * Removes what the view of a module has left in Redis; nothing where there is nothing. Nobody may keep it any more.
 * Errors: those of RedisConnection.
 */
export async function removeDroppedView(
  location: RedisLocation,
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
  view: Pick<AnyView, 'name' | 'version'>,
): Promise<void> {
  const connection = await RedisConnection.open(location, logger);
  try {
    const keys = new Keyspace(connection.namespace).ofModule(view);
    const generations = new Generations(connection, keys);
    const found = [await generations.live(), await generations.next(), ...(await generations.garbage())];
    for (const generation of found) {
      if (generation !== undefined) await removeGeneration({ connection, keys, clock }, generation);
    }
    await connection.unlink((['live', 'next', 'garbage'] as const).map((name) => keys.control(name)));
  } finally {
    connection.close();
  }
}
