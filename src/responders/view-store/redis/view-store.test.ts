import { after, describe } from 'node:test';
import { freePort } from '#platform/testing';
import { RedisServer, redisServer, serversSkip } from '#servers';
import { viewStoreContract } from '../contract.ts';
import { ownNamespace, redisViews } from './testing/redis-views.ts';

describe('RedisViewStore', () => {
  viewStoreContract('redis', async (t, world) => {
    const redis = await redisServer(t);
    if (redis === undefined) return undefined;
    const views = await redisViews(t, world, ownNamespace(redis.url));
    await views.writer();
    return { open: () => views.store(), replay: () => views.replay() };
  });

  let cluster: Promise<RedisServer> | undefined;
  after(async () => (await cluster)?.stop());
  viewStoreContract('redis cluster', async (t, world) => {
    if (serversSkip !== false) {
      t.skip(serversSkip);
      return undefined;
    }
    cluster ??= startCluster();
    const views = await redisViews(t, world, ownNamespace((await cluster).url));
    await views.writer();
    return { open: () => views.store(), replay: () => views.replay() };
  });
});

async function startCluster(): Promise<RedisServer> {
  const settings = {
    // A node that has never met another does not know its own address, and clients leave it out.
    'cluster-announce-ip': '127.0.0.1',
    'cluster-port': String(await freePort()),
  };
  return RedisServer.start({ cluster: true, settings });
}
