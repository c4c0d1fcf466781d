import assert from 'node:assert/strict';
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createMetrics } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { s3Server } from '#servers';
import { FaultyProxy } from '../testing/faulty-proxy.ts';
import { optionsAt, storeAt } from '../testing/s3.ts';
import { placeOf } from './place.ts';

const BUSY = { status: 503, code: 'SlowDown' };

async function opened(t: TestContext, more: Parameters<typeof storeAt>[3] = {}) {
  const server = await s3Server(t);
  if (server === undefined) return undefined;
  const proxy = await FaultyProxy.open(t, server.url);
  const bucket = await server.bucket();
  const metrics = createMetrics();
  const store = storeAt(t, proxy.url, `s3://${bucket}/p`, { metrics, ...more });
  return { proxy, store, metrics, server, bucket };
}

const writes = ({ method }: { method: string }) => method === 'PUT';
const reads = ({ method }: { method: string }) => method === 'GET';

describe('an object store that fails for a while', () => {
  for (const [name, fault] of [
    ['is busy (503)', BUSY],
    ['has an error of its own (500)', { status: 500, code: 'InternalError' }],
    ['is asked too often (429)', { status: 429, code: 'TooManyRequests' }],
    ['is written to by another (409)', { status: 409, code: 'ConditionalRequestConflict' }],
    ['ends an answer in its middle', 'cut'],
  ] as const) {
    it(`${name}: the request is sent again, and counted`, async (t) => {
      const world = await opened(t);
      if (world === undefined) return;
      const { proxy, store, metrics } = world;
      await store.put('a', Buffer.from('some bytes'));
      proxy.next([fault, fault, fault], reads);
      assert.equal((await store.get('a'))?.toString(), 'some bytes');
      const reason = typeof fault === 'object' ? fault.code : 'connection';
      assert.match(
        await metrics.render(),
        new RegExp(`millrace_storage_retries_total\\{reason="${reason}"\\} 3`),
      );
    });
  }

  it('does not answer in time: the request is abandoned and sent again', async (t) => {
    const world = await opened(t, { timeoutSeconds: 0.3 });
    if (world === undefined) return;
    const { proxy, store, metrics } = world;
    await store.put('a', Buffer.from('x'));
    proxy.next(['silent'], reads);
    assert.equal((await store.get('a'))?.toString(), 'x');
    assert.match(await metrics.render(), /storage_retries_total\{reason="stalled"\} 1/);
  });

  it('an answer to a write is lost: it is known that the write was ours', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { proxy, store } = world;
    proxy.next(['lost'], writes);
    assert.equal(await store.put('a', Buffer.from('ours')), true);
    proxy.next([{ status: 500, code: 'InternalError', isDone: true }], writes);
    assert.equal(await store.put('b', Buffer.from('ours')), true, 'one that came to an error counts as lost');
    proxy.next([BUSY], writes);
    assert.equal(await store.put('a', Buffer.from('theirs')), false, 'and that one was not');
    assert.equal((await store.get('a'))?.toString(), 'ours');
  });

  it('temporary credentials come with their token', async (t) => {
    const world = await opened(t, { sessionToken: 'for an hour' });
    if (world === undefined) return;
    await world.store.put('a', Buffer.from('x'));
    assert.equal(world.proxy.asked[0]?.headers['x-amz-security-token'], 'for an hour');
  });

  it('an object that is touched is copied onto itself by the store', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { store, proxy, bucket } = world;
    await store.put('a b', Buffer.from('x'));
    await store.touch('a b');
    const { method, url, headers } = proxy.asked.at(-1) ?? assert.fail('nothing is asked');
    assert.deepEqual(
      [method, url, headers['x-amz-copy-source'], headers['x-amz-metadata-directive']],
      ['PUT', `/${bucket}/p/a%20b`, `/${bucket}/p/a%20b`, 'REPLACE'],
    );
  });

  it('does not know conditional writes: an object is still not replaced', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { proxy, store } = world;
    proxy.fault = ({ headers }) =>
      headers['if-none-match'] === undefined ? undefined : { status: 501, code: 'NotImplemented' };
    assert.equal(await store.put('a', Buffer.from('first')), true);
    assert.equal(await store.put('a', Buffer.from('second')), false);
    assert.equal((await store.get('a'))?.toString(), 'first');
  });
});

describe('an object store that cannot be used', () => {
  it('is away: a clear error after five attempts that names the options, and what was there is there again', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { proxy, store } = world;
    await store.put('a', Buffer.from('x'));
    proxy.fault = () => BUSY;
    const before = proxy.asked.length;
    await assert.rejects(store.get('a'), {
      code: 'MR_STORAGE_AWAY',
      remedy: 'retry',
      message: /s3:\/\/bucket-.* failed 5 times at GET a: SlowDown, so it is & stays/,
      hint: /storage and objectStore\.endpoint/,
    });
    assert.equal(proxy.asked.length - before, 5);
    proxy.fault = () => undefined;
    assert.equal((await store.get('a'))?.toString(), 'x');
  });

  it('nobody listens', async (t) => {
    const store = storeAt(t, 'http://127.0.0.1:1', 's3://bucket');
    await assert.rejects(store.put('a', Buffer.from('x')), {
      code: 'MR_STORAGE_AWAY',
      message: /127\.0\.0\.1:1 /,
    });
  });

  for (const [fault, code, hint] of [
    [{ status: 507, code: 'InsufficientStorage' }, 'MR_STORAGE_FULL', /storage/],
    [{ status: 403, code: 'QuotaExceeded' }, 'MR_STORAGE_FULL', /storage/],
    [{ status: 403, code: 'SignatureDoesNotMatch' }, 'MR_STORAGE_DENIED', /objectStore\.secretAccessKey/],
    [{ status: 403, code: 'RequestTimeTooSkewed' }, 'MR_STORAGE_CLOCK', /clock/],
    [{ status: 301, code: 'PermanentRedirect' }, 'MR_STORAGE_BUCKET', /objectStore\.region/],
    [{ status: 400, code: 'EntityTooLarge' }, 'MR_STORAGE_REFUSED', /objectStore\.endpoint/],
  ] as const) {
    it(`refuses with ${fault.code}: ${code}, at once, and nothing is written`, async (t) => {
      const world = await opened(t);
      if (world === undefined) return;
      const { proxy, store } = world;
      proxy.fault = () => fault;
      await assert.rejects(store.put('a', Buffer.from('x')), { code, hint });
      assert.equal(proxy.asked.length, 1);
      proxy.fault = () => undefined;
      assert.equal(await store.get('a'), undefined);
      assert.equal(await store.put('a', Buffer.from('x')), true, 'later it is taken');
    });
  }

  it('has no such bucket', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const store = storeAt(t, world.server.url, 's3://no-such-bucket');
    const refused = { code: 'MR_STORAGE_BUCKET', message: /s3:\/\/no-such-bucket .*NoSuchBucket/ };
    await assert.rejects(store.get('a'), refused);
    await assert.rejects(store.put('a', Buffer.from('x')), refused);
    await assert.rejects(store.list(''), refused);
    await assert.rejects(store.remove('a'), refused);
  });

  it('is no object store: its lists are none', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    world.proxy.fault = () => 'other';
    await assert.rejects(world.store.list(''), { code: 'MR_STORAGE_REFUSED', hint: /objectStore\.endpoint/ });
  });

  it('has objects that are no objects of ours, such as folders of its console: they are not listed', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { store, server, bucket } = world;
    await store.put('versions/v1', Buffer.from('x'));
    for (const name of ['p/', 'p/versions/', 'p/versions//x', 'p/versions/..%2fx'])
      assert.ok((await fetch(`${server.url}/${bucket}/${name}`, { method: 'PUT', body: 'x' })).ok);
    assert.deepEqual(
      (await store.list('')).map(({ name }) => name),
      ['versions/v1'],
    );
  });

  it('is fine, but the disk here is full: that is said at once', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { store, proxy } = world;
    await store.put('a', Buffer.alloc(100_000));
    const path = join(temporaryDirectory(t), 'copy');
    symlinkSync('/dev/full', path);
    const before = proxy.asked.length;
    await assert.rejects(store.download('a', path), { code: 'MR_DISK_FULL' });
    assert.equal(proxy.asked.length - before, 1);
    assert.ok(!existsSync(path));
  });

  it('no error has a secret in it', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    world.proxy.fault = () => ({ status: 403, code: 'AccessDenied' });
    const error: Error = await world.store.get('a').then(
      () => assert.fail('it is refused'),
      (reason: Error) => reason,
    );
    assert.doesNotMatch(
      JSON.stringify([error, error.message, error.stack]),
      /secret-of-the-test|AKIDEXAMPLE/,
    );
  });

  for (const [address, options] of [
    ['s3://', {}],
    ['s3://UPPER', {}],
    ['s3://bucket/../x', {}],
    ['s3://bucket/a//b', {}],
    ['s3://bucket/a?region=b', {}],
    ['s3://user:password@bucket', {}],
    ['s3://bucket', { accessKeyId: undefined }],
    ['s3://bucket', { secretAccessKey: undefined }],
    ['s3://bucket', { ca: '/no/such/file' }],
  ] as const) {
    it(`the address ${address} with ${JSON.stringify(Object.keys(options))} is refused`, () => {
      assert.throws(
        () => placeOf(address, { ...optionsAt('http://127.0.0.1:1'), ...options }),
        (error: Error) => {
          assert.equal((error as { code?: string }).code, 'MR_STORAGE_ADDRESS');
          assert.doesNotMatch(error.message, /password/);
          return true;
        },
      );
    });
  }
});
