import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { ConfigurationError } from '#platform';
import { parseRedisUrl, redisName } from './redis-url.ts';

describe('parseRedisUrl', () => {
  it('takes what is there and leaves the rest to defaults', () => {
    const least = parseRedisUrl({ url: 'redis://cache' });
    assert.deepEqual(least, {
      host: 'cache',
      port: 6379,
      database: 0,
      username: undefined,
      password: undefined,
      tls: undefined,
      namespace: 'millrace',
    });
    const all = parseRedisUrl({ url: 'rediss://me:p%40ss%2Fword@[::1]:7000/3?namespace=shop.1' });
    assert.deepEqual(all, {
      host: '::1',
      port: 7000,
      database: 3,
      username: 'me',
      password: 'p@ss/word',
      tls: { ca: undefined },
      namespace: 'shop.1',
    });
    assert.equal(redisName(all), 'rediss://[::1]:7000/3');
    const given = parseRedisUrl({ url: 'redis://me:old@cache', username: 'you', password: 'new' });
    assert.deepEqual([given.username, given.password], ['you', 'new']);
  });

  it('says what is wrong, and never the password', () => {
    const wrong = [
      'hunter2',
      'http://u:hunter2@host',
      'redis://u:hunter2@',
      'redis://u:hunter2@host:port',
      'redis://u:hunter2@host/zero',
      'redis://u:hunter2%@host',
      'redis://u:hunter2@host?name=x',
      'redis://u:hunter2@host?namespace={x}',
      'redis://u:hunter2@host?ca=/tmp/ca.pem',
      'rediss://u:hunter2@host?ca=/nowhere/ca.pem',
    ];
    for (const url of wrong) {
      assert.throws(
        () => parseRedisUrl({ url }),
        (error) => {
          assert.ok(error instanceof ConfigurationError, url);
          assert.equal(error.code, 'MR_REDIS_URL');
          assert.ok(error.hint);
          assert.ok(!inspect(error, { depth: 9 }).includes('hunter2'), url);
          return true;
        },
      );
    }
  });
});
