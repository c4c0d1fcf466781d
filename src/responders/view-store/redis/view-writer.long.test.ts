import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Redis } from 'ioredis';
import type { Log } from '#log';
import { errorCode, RetryableError, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { ownRedis, type RedisServer, type RedisServerOptions, redisServer } from '#servers';
import { interaction, openWorld, type TestWorld, userRowsTopic } from '../../testing/world.ts';
import { userRows } from '../user-rows.ts';
import type { RedisConnection } from './connection.ts';
import { GenerationWriter } from './generation-writer.ts';
import { newGeneration } from './keyspace.ts';
import { marksOf, readProgress } from './progress.ts';
import { putRows, sealShard } from './scripts.ts';
import { ownNamespace, type RedisViews, redisViews } from './testing/redis-views.ts';
import { RedisViewWriter } from './view-writer.ts';

const users = Array.from({ length: 30 }, (_, i) => `user-${i}`);

describe('RedisViewWriter', { timeout: 120_000 }, () => {
  it('goes on where another has stopped, and writes nothing twice but for what was not saved', async (t) => {
    const opened = await onShared(t);
    if (opened === undefined) return;
    const { world, views } = opened;
    const first = await built(world, views);
    assert.equal(first.notReady(), undefined);
    const live = await views.generations.live();
    await eventually(async () => (await savedRecords(views)) === users.length);
    await first.close();
    await putUsers(world, 2, users.slice(0, 3));
    const before = await writtenRows(world);
    const second = await views.writer();
    await second.caughtUp;
    assert.equal((await writtenRows(world)) - before, 3);
    assert.equal(await views.generations.live(), live);
    assert.deepEqual(await views.differences(), []);
  });

  it('rebuilds the views if it missed deletes, or where the log is another', async (t) => {
    const opened = await onShared(t);
    if (opened === undefined) return;
    const { world, views, url } = opened;
    await putUsers(world, 3);
    await (await views.writer()).caughtUp;
    await eventually(async () => (await savedRecords(views)) === 3 * users.length);
    const late = { ...world, clock: { ...systemClock, now: () => Date.now() + 4 * 86_400_000 } };
    const live = await views.generations.live();
    const delayed = await RedisViewWriter.open({ url }, late, world.topics);
    t.after(() => delayed.close());
    await delayed.caughtUp;
    assert.notEqual(await views.generations.live(), live);
    assert.match(await world.metrics.render(), /view_builds_total\{reason="out-of-date"\} 1/);

    const otherWorld = await openWorld(t);
    await putUsers(otherWorld, 1, users.slice(0, 5));
    const others = await redisViews(t, otherWorld, ownNamespace(opened.address));
    await (await others.writer()).caughtUp;
    const elsewhere = await RedisViewWriter.open({ url }, otherWorld, otherWorld.topics);
    t.after(() => elsewhere.close());
    await elsewhere.caughtUp;
    assert.match(await otherWorld.metrics.render(), /view_builds_total\{reason="log-replaced"\} 1/);
  });

  it('lets no reader take the views of another log for its own', async (t) => {
    const opened = await onShared(t);
    if (opened === undefined) return;
    await putUsers(opened.world, 3);
    const before = await opened.views.writer();
    await before.caughtUp;
    await before.close();
    const world = await openWorld(t);
    await putUsers(world, 1, users.slice(0, 5));
    const views = await redisViews(t, world, opened.url);
    const store = await views.store();
    await eventually(() => /another log/.test(`${store.notReady()}`));
    await views.writer();
    await store.caughtUp;
    const rows = await userRows(store, users);
    assert.equal(rows.filter(({ state }) => state !== undefined).length, 5);
    await eventually(() => store.notReady() === undefined);
  });

  it('rebuilds beside the live views: no read misses a row, or sees an older one than another has seen', async (t) => {
    const opened = await onShared(t);
    if (opened === undefined) return;
    const { world, views, url } = opened;
    await putUsers(world, 1);
    // One of them is always behind the other: what it builds is not to be older than what that one has written.
    const slow = { ...world, log: overriding(world.log, { consumer: slowConsumer(world.log) }) };
    const writers = [await views.writer(), await RedisViewWriter.open({ url }, slow, world.topics)];
    t.after(() => writers[1]?.close());
    await Promise.all(writers.map((writer) => writer.caughtUp));
    let isRebuilding = true;
    const busy = (async () => {
      while (isRebuilding) await putUsers(world, 1);
    })();
    const seen = new Map<string, number>();
    let reads = 0;
    const addresses = users.map((key) => ({ entity: 'user' as const, topic: userRowsTopic, key }));
    const reading = [0, 1].map(async () => {
      while (isRebuilding) {
        const before = new Map(seen);
        const rows = await views.rows.read(addresses);
        for (const [i, key] of users.entries()) {
          const row = rows[i];
          assert.ok(row !== undefined && row !== 'damaged', `${key} is missing`);
          assert.ok(row.offset >= (before.get(key) ?? 0), `${key} has gone back`);
          seen.set(key, Math.max(row.offset, seen.get(key) ?? 0));
        }
        reads++;
      }
    });
    const generations = new Set([await views.generations.live()]);
    for (let round = 0; round < 4; round++) {
      const from = reads;
      await (writers[round % 2] as RedisViewWriter).rebuild();
      generations.add(await views.generations.live());
      await Promise.race([eventually(() => reads > from + 2), ...reading]);
    }
    isRebuilding = false;
    await Promise.all([busy, ...reading]);
    assert.equal(generations.size, 5);
    await eventually(() => isAsTheLog(views));
    // Nothing is left of the earlier generations.
    const live = (await views.generations.live()) ?? '';
    await eventually(async () => {
      return (await views.keys()).every((key) => key.includes(live) || key.includes('{control}:live'));
    });
  });

  it('removes what became garbage while it was removing earlier garbage', async (t) => {
    const opened = await onShared(t);
    if (opened === undefined) return;
    const { world, views } = opened;
    const writer = await built(world, views);
    const { connection, keys } = views.environment;
    const client = new Redis(opened.address);
    t.after(() => client.disconnect());
    // So many that removing them takes longer than the next build.
    const mark = keys.mark((await views.generations.live()) ?? '', 'user', 0);
    for (let from = 0; from < 60_000; from += 10_000) {
      const rows = Array.from({ length: 10_000 }, (_, i) =>
        keys.row(mark, userRowsTopic, `more-${from + i}`),
      );
      await client.mset(...rows.flatMap((row) => [row, '']));
    }
    for (let round = 0; round < 3; round++) await writer.rebuild();
    await eventually(async () => (await views.generations.garbage()).length === 0);
    assert.equal(await connection.get(mark), null);
    const live = (await views.generations.live()) ?? '';
    assert.ok((await views.keys()).every((key) => key.includes(live) || key.includes('{control}:live')));
  });

  it('saves no progress before the rows that it stands for', async (t) => {
    const opened = await onShared(t);
    if (opened === undefined) return;
    const { world, views } = opened;
    await (await views.writer()).caughtUp;
    const { environment, generations } = views;
    const run = async (...given: Parameters<RedisConnection['run']>) => {
      if (given[0] === putRows) await systemClock.sleep(400);
      return environment.connection.run(...given);
    };
    const generation = newGeneration();
    const connection = overriding(environment.connection, { run });
    const writer = await GenerationWriter.open({ ...environment, connection }, generation);
    t.after(() => writer.close());
    await writer.makeShards();
    writer.start();
    await putUsers(world, 1);
    await eventually(async () => (await savedRecords(views, generation)) === users.length);
    assert.ok(await generations.holdBuilder('test', 1_000));
    assert.ok(await generations.beginNext('test', generation));
    assert.ok(await generations.switchTo('test', generation));
    assert.deepEqual(await views.differences(), []);
  });

  it('notices that Redis has gone back to older rows under a connection that holds', async (t) => {
    const opened = await onOwn(t);
    if (opened === undefined) return;
    const { world, views, redis } = opened;
    await built(world, views);
    await eventually(async () => (await savedRecords(views)) === users.length);
    const client = new Redis(redis.url);
    t.after(() => client.disconnect());
    const keys = await views.keys();
    const values = await client.mgetBuffer(keys);
    await putUsers(world, 2);
    await eventually(async () => (await savedRecords(views)) === 3 * users.length);
    // As after a failover to a replica that lags.
    await client.mset(...keys.flatMap((key, i) => [key, values[i] ?? '']));
    assert.notDeepEqual(await views.differences(), []);
    await eventually(() => isAsTheLog(views));
  });

  it('goes on with what a builder has left half done, the sealed views being read meanwhile', async (t) => {
    const opened = await onShared(t);
    if (opened === undefined) return;
    const { world, views } = opened;
    const first = await built(world, views);
    await first.close();
    const { generations, environment } = views;
    const { connection, keys } = environment;
    const live = (await generations.live()) ?? '';
    const next = newGeneration();
    assert.ok(await generations.holdBuilder('dead', 1_000));
    assert.ok(await generations.beginNext('dead', next));
    const dead = await GenerationWriter.open(environment, next);
    await dead.makeShards();
    await dead.save();
    await dead.close();
    for (const mark of marksOf(keys, live, 'user')) await connection.run(sealShard, [mark], []);
    assert.deepEqual(await views.differences(), []);
    const writer = await views.writer();
    await putUsers(world, 1);
    await writer.caughtUp;
    assert.equal(await generations.live(), next);
    assert.deepEqual(await views.differences(), []);
  });

  it('rebuilds the views when Redis is emptied under it; until then no read says that a row never was', async (t) => {
    const opened = await onOwn(t);
    if (opened === undefined) return;
    const { world, views, redis } = opened;
    const writer = await built(world, views);
    const store = await views.store();
    await store.caughtUp;
    const client = new Redis(redis.url);
    t.after(() => client.disconnect());
    for (let round = 0; round < 3; round++) {
      await client.flushall();
      if (round === 1) await putUsers(world, 1);
      let isBack = false;
      while (!isBack) {
        try {
          const rows = await userRows(store, users);
          assert.ok(rows.every(({ state }) => state !== undefined));
          isBack = true;
        } catch (error) {
          assert.equal(errorCode(error), 'MR_VIEWS_NOT_BUILT', String(error));
        }
      }
      await eventually(() => isAsTheLog(views));
    }
    await eventually(() => store.notReady() === undefined && writer.notReady() === undefined);
    assert.match(await world.metrics.render(), /view_builds_total\{reason="emptied"\} 3/);
  });

  for (const [what, settings] of [
    ['what it had', { appendonly: 'yes', appendfsync: 'always' }],
    ['nothing', { appendonly: 'no' }],
    ['older rows', { appendonly: 'no', save: '3600 1000000' }],
  ] as const) {
    it(`waits for a Redis that is killed, and goes on when it is back with ${what}`, async (t) => {
      const opened = await onOwn(t, { settings });
      if (opened === undefined) return;
      const { world, views, redis } = opened;
      const writer = await built(world, views);
      const store = await views.store();
      await store.caughtUp;
      for (let round = 0; round < 3; round++) {
        if (what === 'older rows') await saveToDisk(redis);
        await putUsers(world, 2);
        await eventually(() => isAsTheLog(views));
        await userRows(store, users);
        const newest = await offsetsOf(views);
        await redis.kill();
        await assert.rejects(userRows(store, ['user-1']), { code: 'MR_REDIS_UNAVAILABLE' });
        await eventually(
          () => /not available/.test(`${writer.notReady()}`) && store.notReady() !== undefined,
        );
        if (round > 0) await putUsers(world, 1);
        await redis.restart();
        // As soon as it answers, it answers with nothing older than what was there.
        await eventually(async () => {
          try {
            await userRows(store, users);
            return true;
          } catch (error) {
            assert.match(errorCode(error) ?? '', /MR_REDIS_UNAVAILABLE|MR_VIEWS_NOT_BUILT/);
            return false;
          }
        });
        for (const [i, offset] of (await offsetsOf(views)).entries()) assert.ok(offset >= (newest[i] ?? 0));
        await eventually(() => isAsTheLog(views));
        await eventually(() => store.notReady() === undefined && writer.notReady() === undefined);
      }
    });
  }

  it('waits while the memory of Redis is full', async (t) => {
    const opened = await onOwn(t, { settings: { maxmemory: '1', 'maxmemory-policy': 'noeviction' } });
    if (opened === undefined) return;
    const { world, views, redis } = opened;
    await putUsers(world, 1);
    const writer = await views.writer();
    await eventually(() => /OOM/.test(`${writer.notReady()}`));
    const client = new Redis(redis.url);
    await client.config('SET', 'maxmemory', '0');
    client.disconnect();
    await writer.caughtUp;
    assert.deepEqual(await views.differences(), []);
  });

  it('stands a Redis that is stopped for a while', async (t) => {
    const opened = await onOwn(t);
    if (opened === undefined) return;
    const { world, views, redis } = opened;
    const writer = await views.writer();
    await writer.caughtUp;
    redis.pause();
    await putUsers(world, 2);
    await eventually(() => writer.notReady() !== undefined);
    redis.resume();
    await eventually(() => writer.notReady() === undefined);
    await eventually(() => isAsTheLog(views));
  });
});

async function onShared(t: TestContext) {
  const redis = await redisServer(t);
  if (redis === undefined) return undefined;
  const world = await openWorld(t);
  const url = ownNamespace(redis.url);
  return { world, url, address: redis.url, views: await redisViews(t, world, url) };
}

async function onOwn(t: TestContext, options?: RedisServerOptions) {
  const redis = await ownRedis(t, options);
  if (redis === undefined) return undefined;
  const world = await openWorld(t);
  return { world, redis, views: await redisViews(t, world, redis.url) };
}

/** A writer that has built the views of all users. */
async function built(world: TestWorld, views: RedisViews): Promise<RedisViewWriter> {
  await putUsers(world, 1);
  const writer = await views.writer();
  await writer.caughtUp;
  return writer;
}

async function putUsers(world: TestWorld, times: number, ids: readonly string[] = users): Promise<void> {
  for (let i = 0; i < times; i++) {
    await Promise.all(ids.map((id) => world.putUserRow(id, [interaction(id, `item-${i}`)])));
  }
}

/** Records of users' rows below the saved progress. */
async function savedRecords({ environment, generations }: RedisViews, generation?: string): Promise<number> {
  const { connection, keys, views } = environment;
  const progress = await readProgress(
    connection,
    keys,
    generation ?? (await generations.live()) ?? '',
    views,
  );
  return (progress?.offsets.get(userRowsTopic) ?? []).reduce((sum, offset) => sum + offset, 0);
}

async function writtenRows(world: TestWorld): Promise<number> {
  const text = await world.metrics.render();
  const counted = new RegExp(`view_rows_written_total\\{topic="${userRowsTopic}"\\} (\\d+)`);
  return Number(counted.exec(text)?.[1] ?? 0);
}

async function offsetsOf(views: RedisViews): Promise<number[]> {
  const addresses = users.map((key) => ({ entity: 'user' as const, topic: userRowsTopic, key }));
  const rows = await patiently(() => views.rows.read(addresses));
  return rows.map((row) => (row === undefined || row === 'damaged' ? -1 : row.offset));
}

async function saveToDisk(redis: RedisServer): Promise<void> {
  const client = new Redis(redis.url);
  await client.save();
  client.disconnect();
}

/** The test's own connection is made again after a kill, too. */
async function patiently<T>(read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
      await systemClock.sleep(5);
    }
  }
}

async function isAsTheLog(views: RedisViews): Promise<boolean> {
  return (await patiently(() => views.differences())).length === 0;
}

/** `target` with some of its methods replaced. */
function overriding<T extends object>(target: T, replaced: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      const own = Reflect.get(replaced, name) as unknown;
      if (own !== undefined) return own;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function slowConsumer(log: Log): Log['consumer'] {
  return async (options) => {
    const consumer = await log.consumer(options);
    const poll = async (timeoutMs: number) => {
      const batches = await consumer.poll(timeoutMs);
      await systemClock.sleep(30);
      return batches;
    };
    return overriding(consumer, { poll });
  };
}
