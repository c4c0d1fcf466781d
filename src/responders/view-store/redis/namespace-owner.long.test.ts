import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { ownRedis, redisServer } from '#servers';
import { interaction, openWorld, type TestWorld } from '../../testing/world.ts';
import { ownNamespace, redisViews } from './testing/redis-views.ts';

const one = { id: 'kafka-1', name: 'kafka://host?prefix=one.' };
const two = { id: 'kafka-2', name: 'kafka://host?prefix=two.' };

describe('namespaces of two logs on one Redis', { timeout: 120_000 }, () => {
  it('follow the log where the address names none: neither log sees or rebuilds views of the other', async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const worlds = await Promise.all([3, 1].map((rows) => worldWith(t, rows)));
    const views = await Promise.all(
      worlds.map((world, i) => redisViews(t, world, redis.url, i === 0 ? one : two)),
    );
    const writers = await Promise.all(views.map((each) => each.writer()));
    await Promise.all(writers.map((writer) => writer.caughtUp));
    for (const [i, each] of views.entries()) {
      assert.deepEqual(await each.differences(), []);
      const world = worlds[i] as TestWorld;
      const store = await each.store();
      await store.caughtUp;
      const builds = (await world.metrics.render()).match(/view_builds_total\{.*$/gm);
      assert.deepEqual(builds, ['view_builds_total{reason="missing"} 1']);
    }
    assert.notDeepEqual(await views[0]?.keys(), await views[1]?.keys());
  });

  it('refuse another log by the name of their owner, whose views stay as they are', async (t) => {
    const redis = await redisServer(t);
    if (redis === undefined) return;
    const url = ownNamespace(redis.url);
    const owner = await redisViews(t, await worldWith(t, 3), url, one);
    const writer = await owner.writer();
    await writer.caughtUp;
    const keys = await owner.keys();
    const other = await redisViews(t, await worldWith(t, 1), url, two);
    for (const opening of [() => other.writer(), () => other.store()]) {
      await assert.rejects(opening(), {
        code: 'MR_VIEWS_FOREIGN',
        remedy: 'fix-configuration',
        message: /belongs to another log: kafka:\/\/host\?prefix=one\. \(kafka-1\)/,
      });
    }
    assert.deepEqual(await owner.keys(), keys);
    assert.equal(writer.notReady(), undefined);
  });

  it('are taken again when Redis comes back empty', async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const views = await redisViews(t, await worldWith(t, 1), redis.url, one);
    const writer = await views.writer();
    await writer.caughtUp;
    const { connection } = views.environment;
    for await (const page of connection.scan('*', 500)) await connection.unlink(page);
    await eventually(async () => (await views.differences().catch(() => ['not built'])).length === 0);
    await eventually(() => writer.notReady() === undefined);
    assert.ok((await views.keys()).some((key) => key.endsWith('{control}:owner')));
  });
});

describe('the namespace that logs without owners have shared', { timeout: 120_000 }, () => {
  it('is emptied once nobody writes there any more, and stays while somebody does', async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const world = await worldWith(t, 2);
    const before = await redisViews(t, world, redis.url);
    const earlier = await before.writer();
    await earlier.caughtUp;

    const beside = await redisViews(t, world, redis.url, one);
    const first = await beside.writer();
    await first.caughtUp;
    assert.deepEqual(await before.differences(), []);
    await first.close();
    await earlier.close();
    assert.notEqual((await before.keys()).length, 0);

    const later = { ...world, clock: { ...systemClock, now: () => Date.now() + 120_000 } };
    const after = await redisViews(t, later, redis.url, one);
    await (await after.writer()).caughtUp;
    await eventually(async () => (await before.keys()).length === 0);
    assert.deepEqual(await after.differences(), []);
  });

  it('stays with a log that owns it by its address', async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const world = await worldWith(t, 2);
    const owner = await redisViews(t, world, `${redis.url}?namespace=millrace`, one);
    const writer = await owner.writer();
    await writer.caughtUp;
    await writer.close();
    const later = { ...world, clock: { ...systemClock, now: () => Date.now() + 120_000 } };
    const other = await redisViews(t, later, redis.url, two);
    const beside = await other.writer();
    await beside.caughtUp;
    await beside.close();
    assert.deepEqual(await owner.differences(), []);
  });
});

async function worldWith(t: TestContext, rows: number): Promise<TestWorld> {
  const world = await openWorld(t);
  for (let i = 0; i < rows; i++) await world.putUserRow(`user-${i}`, [interaction(`user-${i}`, 'item-00')]);
  return world;
}
