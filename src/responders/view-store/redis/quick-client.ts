import type { Redis } from 'ioredis';
import { backoffMs } from '#platform';
import { ioredis } from './ioredis.ts';
import { parseRedisUrl, type RedisLocation } from './redis-url.ts';

const CONNECT_WITHIN_MS = 1_000;
const RECONNECT_BACKOFF = { firstMs: 50, longestMs: 1_000 };

export type QuickRedis = { readonly client: Redis; readonly namespace: string };

/**
 * A client of one Redis for what is better not answered than late: a command fails after `withinMs`, and at once while the
 * server is unavailable; the connection is made again in the background. Errors: MR_REDIS_URL.
 */
export function openQuickRedis(location: RedisLocation, withinMs: number): QuickRedis {
  const { host, port, database, username, password, tls, namespace } = parseRedisUrl(location);
  const client = new (ioredis().Redis)({
    host,
    port,
    db: database,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls: { ...(tls.ca !== undefined && { ca: tls.ca }) } }),
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: withinMs,
    connectTimeout: CONNECT_WITHIN_MS,
    retryStrategy: (times: number) => backoffMs(RECONNECT_BACKOFF, times),
  });
  // Without a listener the event would end the process; the commands that fail say what is wrong.
  client.on('error', () => {});
  return { client, namespace };
}
