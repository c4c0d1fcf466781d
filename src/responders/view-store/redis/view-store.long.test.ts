import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { eventually, freePort } from '#platform/testing';
import { ownRedis, RedisServer, redisServer, serversSkip } from '#servers';
import { openResponder } from '../../responder.ts';
import { item, itemIds } from '../../testing/tiny-model.ts';
import { interaction, openWorld } from '../../testing/world.ts';
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

  it('lets a responder answer; while Redis is away with what is popular, marked and counted', async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const world = await openWorld(t);
    await world.putItems(itemIds.map((id) => item(id)));
    await world.putUserRow('u', [interaction('u', 'item-00')]);
    const views = await redisViews(t, world, redis.url);
    await views.writer();
    const responder = await openResponder({ ...world, views: await views.store() });
    t.after(() => responder.close());
    await responder.ready();
    const ids = async () => (await responder.recommend('u', { k: 5 })).items.map(({ item_id }) => item_id);
    assert.deepEqual(await ids(), itemIds.slice(1, 6));
    await redis.kill();
    const degraded = await responder.recommend('u', { k: 3 });
    assert.deepEqual(
      [degraded.degraded, degraded.version, degraded.items.map(({ source }) => source)],
      ['MR_REDIS_UNAVAILABLE', null, ['popular', 'popular', 'popular']],
    );
    const counted = /recommend_degraded_total\{reason="MR_REDIS_UNAVAILABLE"\} 1/;
    assert.match(await world.metrics.render(), counted);
    await eventually(() => /not available/.test(`${responder.notReady()}`));
    await redis.restart();
    await eventually(() => responder.notReady() === undefined);
    assert.deepEqual(await ids(), itemIds.slice(1, 6));
    assert.equal((await responder.recommend('u')).degraded, 'MR_RECOMMEND_NO_VERSION');
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
