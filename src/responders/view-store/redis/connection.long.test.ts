import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { ConfigurationError, RetryableError } from '#platform';
import { eventually, freePort, temporaryDirectory } from '#platform/testing';
import { ownRedis } from '#servers';
import { RedisConnection } from './connection.ts';
import { silent } from './testing/redis-views.ts';

async function opened(t: TestContext, url: string): Promise<RedisConnection> {
  const connection = await RedisConnection.open({ url }, silent);
  t.after(() => connection.close());
  return connection;
}

describe('RedisConnection', { timeout: 180_000 }, () => {
  it('refuses what is set up wrongly, without saying the password', async (t) => {
    const redis = await ownRedis(t, { settings: { requirepass: 'sesame' } });
    if (redis === undefined) return;
    const address = redis.url.replace('redis://', '');
    const open = (url: string) => RedisConnection.open({ url }, silent);
    const wrong = [
      `redis://${address}`,
      `redis://:hunter2@${address}`,
      `redis://nobody:hunter2@${address}`,
      `redis://:sesame@${address}/4000`,
    ];
    for (const url of wrong) {
      await assert.rejects(open(url), (error) => {
        assert.ok(error instanceof ConfigurationError, inspect(error));
        assert.equal(error.code, 'MR_REDIS_REFUSED');
        assert.ok(error.hint);
        assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /hunter2|sesame/);
        return true;
      });
    }
    const opened = await RedisConnection.open({ url: `redis://${address}/1`, password: 'sesame' }, silent);
    assert.equal(opened.name, `redis://${address}/1`);
    assert.equal(await opened.get('nothing'), null);
    opened.close();
    await assert.rejects(opened.get('nothing'), RetryableError);
  });

  it('refuses a Redis that may drop rows', async (t) => {
    const settings = { maxmemory: '50mb', 'maxmemory-policy': 'volatile-lru' };
    const redis = await ownRedis(t, { settings });
    if (redis === undefined) return;
    await assert.rejects(RedisConnection.open({ url: redis.url }, silent), /maxmemory-policy volatile-lru/);
  });

  it('says that nobody is there, after a while', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    await assert.rejects(RedisConnection.open({ url }, silent, 300), { code: 'MR_REDIS_UNAVAILABLE' });
  });

  it('goes on listening after the server was away, and says that something may have been missed', async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const [listening, telling] = [await opened(t, redis.url), await opened(t, redis.url)];
    const told: (string | undefined)[] = [];
    await listening.subscribe('changed', (message) => told.push(message));
    await telling.publish('other', 'a');
    await telling.publish('changed', 'b');
    await eventually(() => told.length > 0);
    assert.deepEqual(told, ['b']);
    await redis.kill();
    await redis.restart();
    await eventually(() => told.length > 1);
    assert.deepEqual(told, ['b', undefined]);
    await eventually(async () => {
      await telling.publish('changed', 'c').catch(() => {});
      return told.includes('c');
    });
    assert.deepEqual(new Set(told.slice(2)), new Set(['c']));
  });

  it('speaks TLS with a server whose certificate it can check', async (t) => {
    const directory = temporaryDirectory(t);
    const [certificate, key] = [join(directory, 'certificate.pem'), join(directory, 'key.pem')];
    const port = await freePort();
    const settings = {
      port: '0',
      'tls-port': String(port),
      'tls-cert-file': certificate,
      'tls-key-file': key,
      'tls-ca-cert-file': certificate,
      'tls-auth-clients': 'no',
    };
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const subject = ['-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const files = ['-keyout', key, '-out', certificate];
    execFileSync('openssl', [...request, ...subject, ...files], { stdio: 'ignore' });
    if ((await ownRedis(t, { settings })) === undefined) return;
    const url = `rediss://localhost:${port}`;
    const opened = await RedisConnection.open({ url: `${url}?ca=${certificate}` }, silent);
    assert.equal(await opened.get('nothing'), null);
    opened.close();
    await assert.rejects(RedisConnection.open({ url }, silent, 300), /certificate/);
  });

  it('fails at once while the server is away or stopped, and goes on when it is back', async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const connection = await RedisConnection.open({ url: redis.url }, silent);
    t.after(() => connection.close());
    const { epoch } = connection;
    await redis.kill();
    await assert.rejects(connection.get('a'), { code: 'MR_REDIS_UNAVAILABLE' });
    await redis.restart();
    await eventually(async () => !((await connection.get('a').catch(() => 'away')) === 'away'));
    assert.ok(connection.epoch > epoch);
    redis.pause();
    await assert.rejects(connection.get('a'), { code: 'MR_REDIS_UNAVAILABLE' });
    redis.resume();
    await eventually(async () => !((await connection.get('a').catch(() => 'away')) === 'away'));
  });
});
