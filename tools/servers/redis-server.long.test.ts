import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { ownRedis, redisServer } from './for-tests.ts';
import { allGone, isStopped } from './testing/processes.ts';

const limit = { timeout: 120_000 };

async function ask<T>(url: string, question: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => {});
  try {
    return await question(redis);
  } finally {
    redis.disconnect();
  }
}

describe('RedisServer', () => {
  it('keeps its rows over a kill, on the same port, and leaves nothing behind', limit, async (t) => {
    const server = await ownRedis(t, { settings: { maxmemory: '50mb' } });
    if (server === undefined) return;
    const { url, pid, directory } = server;
    await ask(url, (redis) => redis.set('a', Buffer.from([0, 255, 10])));
    await server.kill();
    assert.equal(server.isRunning, false);
    await assert.rejects(ask(url, (redis) => redis.getBuffer('a')));
    await server.restart();
    assert.equal(server.url, url);
    assert.deepEqual(await ask(url, (redis) => redis.getBuffer('a')), Buffer.from([0, 255, 10]));
    assert.deepEqual(await ask(url, (redis) => redis.config('GET', 'maxmemory')), ['maxmemory', '52428800']);

    server.pause();
    await isStopped(server.pid);
    server.resume();
    assert.equal(await ask(url, (redis) => redis.ping()), 'PONG');

    await server.stop();
    await allGone([pid, server.pid], [directory]);
  });

  it('is a cluster of one, if asked, that wants the keys of a command in one slot', limit, async (t) => {
    const server = await ownRedis(t, { cluster: true });
    if (server === undefined) return;
    await server.restart();
    assert.deepEqual(await ask(server.url, (redis) => redis.mget('{a}1', '{a}2')), [null, null]);
    await assert.rejects(
      ask(server.url, (redis) => redis.mget('a', 'b')),
      /CROSSSLOT/,
    );
  });

  it('shows why it does not start', limit, async (t) => {
    await assert.rejects(
      ownRedis({ skip: (reason) => t.skip(reason), after() {} }, { settings: { maxmemory: 'much' } }).then(
        (server) => {
          if (server === undefined) throw new Error('maxmemory');
        },
      ),
      /maxmemory/,
    );
  });
});

describe('the shared Redis', () => {
  it('answers', limit, async (t) => {
    const server = await redisServer(t);
    if (server === undefined) return;
    assert.equal(await ask(server.url, (redis) => redis.ping()), 'PONG');
  });
});
