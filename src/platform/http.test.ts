import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { ConfigurationError, FatalError, InputError, RetryableError } from './errors.ts';
import { createHttpServer, type HttpServer } from './http.ts';
import { traceparentOf } from './http-tracing.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';

const logger = createLogger({ level: 'silent', name: 'test' });

async function start(
  t: TestContext,
  register: (server: HttpServer) => void = () => {},
): Promise<{ server: HttpServer; url: string; port: number }> {
  const server = await createHttpServer({ logger, metrics: createMetrics(), bodyLimit: 1000 });
  register(server);
  t.after(() => server.close());
  return { server, ...(await server.listen({ host: '127.0.0.1', port: 0 })) };
}

describe('http server', () => {
  it('answers errors of the product with status, code, message and hint', async (t) => {
    const { url } = await start(t, ({ routes }) => {
      const fail = (path: string, error: Error) => routes.get(path, () => Promise.reject(error));
      fail('/input', new InputError('MR_TEST_A', 'wrong', { hint: 'right it' }));
      fail('/retry', new RetryableError('MR_TEST_B', 'later'));
      fail('/fatal', new FatalError('MR_TEST_C', 'over'));
      fail('/bug', new TypeError('secret detail'));
      routes.post('/body', async () => ({ taken: true }));
    });
    const get = async (path: string, init?: RequestInit) => {
      const response = await fetch(url + path, init);
      return { status: response.status, ...((await response.json()) as object) };
    };
    const typed = await fetch(`${url}/input`);
    assert.match(typed.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.deepEqual(await get('/input'), {
      type: '/docs#MR_TEST_A',
      title: 'Bad Request',
      status: 400,
      detail: 'wrong',
      code: 'MR_TEST_A',
      message: 'wrong',
      hint: 'right it',
    });
    const told = (code: string, message: string) => ({
      type: `/docs#${code}`,
      detail: message,
      code,
      message,
    });
    const unavailable = { title: 'Service Unavailable', status: 503 };
    assert.deepEqual(await get('/retry'), { ...unavailable, ...told('MR_TEST_B', 'later') });
    const fault = { title: 'Internal Server Error', status: 500 };
    assert.deepEqual(await get('/fatal'), { ...fault, ...told('MR_TEST_C', 'over') });
    const bug = await get('/bug');
    assert.equal(bug.status, 500);
    assert.doesNotMatch(JSON.stringify(bug), /secret/);
    const missing = await get('/nowhere');
    assert.deepEqual([missing.status, 'code' in missing && missing.code], [404, 'MR_HTTP_NOT_FOUND']);

    const post = async (body: string | Buffer<ArrayBuffer>, type = 'application/json') => {
      const result = await get('/body', { method: 'POST', body, headers: { 'content-type': type } });
      return [result.status, 'code' in result && result.code];
    };
    assert.deepEqual(await post('{"a":'), [400, 'MR_HTTP_BODY_INVALID']);
    assert.deepEqual(await post(''), [400, 'MR_HTTP_BODY_INVALID']);
    assert.deepEqual(await post(JSON.stringify('x'.repeat(1000))), [413, 'MR_HTTP_BODY_TOO_LARGE']);
    for (const type of ['text/xml', 'text/plain']) {
      assert.deepEqual(await post('<a/>', type), [415, 'MR_HTTP_MEDIA_TYPE']);
    }
    for (const keys of ['"__proto__": {}', '"a": {"__proto__": 1}', '"constructor": {"prototype": 1}']) {
      const refused = await get('/body', {
        method: 'POST',
        body: `{${keys}}`,
        headers: { 'content-type': 'application/json' },
      });
      assert.equal(refused.status, 400);
      assert.match(JSON.stringify(refused), /has a key/);
    }
    const utf8 = [await post('"\u00fc"'), await post(Buffer.from([0x22, 0xff, 0x22]))];
    assert.deepEqual(utf8, [
      [200, false],
      [400, 'MR_HTTP_BODY_INVALID'],
    ]);
    for (const path of ['/%zz', '/input/%FF', '/input?k=%FF', '/input?k=%ED%A0%80']) {
      const refused = await get(path);
      assert.deepEqual([refused.status, 'code' in refused && refused.code], [400, 'MR_HTTP_BAD_URL'], path);
    }
  });

  it('refuses parameters that the route does not name, and those that are given twice', async (t) => {
    const { url } = await start(t, ({ routes }) => {
      routes.get('/named', { config: { query: ['k', 'device'] } }, async ({ query }) => query);
      routes.get('/any', async ({ query }) => query);
    });
    const get = async (path: string) => (await fetch(url + path)).json();
    assert.deepEqual(await get('/named?device=tv&k='), { device: 'tv', k: '' });
    assert.deepEqual(await get('/any?devcie=tv'), { devcie: 'tv' });
    type Refused = { code: string; message: string; hint: string };
    const { code, message, hint } = (await get('/named?devcie=tv')) as Refused;
    assert.deepEqual(
      { code, message, hint },
      {
        code: 'MR_HTTP_QUERY',
        message: 'There is no parameter "devcie".',
        hint: 'Use each of k, device at most once.',
      },
    );
    const twice = (await get('/named?k=1&k=2')) as Refused;
    assert.deepEqual(
      [twice.code, twice.message],
      ['MR_HTTP_QUERY', 'Parameter "k" is given more than once.'],
    );
  });

  it('refuses parameters of operations that declare none', async (t) => {
    const { url } = await start(t);
    for (const path of ['/health/live', '/metrics', '/openapi.json', '/']) {
      const refused = await fetch(`${url}${path}?devcie=tv`);
      const { code, hint } = (await refused.json()) as { code: string; hint: string };
      assert.deepEqual([refused.status, code, hint], [400, 'MR_HTTP_QUERY', 'Omit it.'], path);
    }
  });

  it('names the methods of a path that has others', async (t) => {
    const { url } = await start(t, ({ routes }) => {
      routes.get('/rows/:id/cells', async () => ({}));
      routes.post('/rows/:id/cells', async () => ({}));
      routes.put('/files/*', async () => ({}));
    });
    const ask = async (method: string, path: string) => {
      const { status, headers } = await fetch(url + path, { method });
      return [status, headers.get('allow')];
    };
    assert.deepEqual(await ask('DELETE', '/rows/7/cells?a=1'), [405, 'GET, HEAD, POST']);
    assert.deepEqual(await ask('GET', '/files/a/b'), [405, 'PUT']);
    for (const path of ['/rows/7', '/rows/7/cells/1', '/files', '/nowhere']) {
      assert.deepEqual(await ask('DELETE', path), [404, null], path);
    }
    const refused = await fetch(`${url}/health/live`, { method: 'POST', body: '{' });
    const { code, hint } = (await refused.json()) as { code: string; hint: string };
    assert.deepEqual([refused.status, code, hint], [405, 'MR_HTTP_METHOD', 'Use GET, HEAD.']);
  });

  it('says what is not ready, and renders metrics by route', async (t) => {
    let reason: string | undefined = 'is catching up';
    const { url, server } = await start(t);
    server.addReadyCheck('views', () => reason);
    server.addReadyCheck('other', () => undefined);
    assert.equal((await fetch(`${url}/health/live`)).status, 200);
    const notReady = await fetch(`${url}/health/ready`);
    assert.equal(notReady.status, 503);
    const body = (await notReady.json()) as { code: string; not_ready: unknown };
    assert.equal(body.code, 'MR_HTTP_NOT_READY');
    assert.deepEqual(body.not_ready, [{ name: 'views', reason: 'is catching up' }]);
    reason = undefined;
    assert.equal((await fetch(`${url}/health/ready`)).status, 200);
    const text = await (await fetch(`${url}/metrics`)).text();
    assert.match(text, /http_request_ms_count\{method="GET",route="\/health\/ready",status="503"\} 1/);
  });

  it('keeps the id and the trace context that a request brings', async (t) => {
    const { url } = await start(t, ({ routes }) => {
      routes.get('/trace', async (request) => ({ trace: traceparentOf(request) ?? null }));
    });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const kept = await fetch(`${url}/trace`, { headers: { 'x-request-id': 'abc-1', traceparent } });
    assert.equal(kept.headers.get('x-request-id'), 'abc-1');
    assert.deepEqual(await kept.json(), { trace: traceparent });
    const made = await fetch(`${url}/trace`, { headers: { 'x-request-id': 'a b', traceparent: 'nonsense' } });
    assert.match(made.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
    assert.deepEqual(await made.json(), { trace: null });
  });

  it('says that a port is in use and what to do', async (t) => {
    const { port } = await start(t);
    const second = await createHttpServer({ logger, metrics: createMetrics() });
    t.after(() => second.close());
    await assert.rejects(second.listen({ host: '127.0.0.1', port }), (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.equal(error.code, 'MR_HTTP_PORT_IN_USE');
      assert.match(error.message, new RegExp(String(port)));
      assert.match(error.hint ?? '', /http\.port/);
      return true;
    });
  });

  it('finishes what is in flight when it closes, and keeps no connection', async (t) => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { server, url } = await start(t, ({ routes }) => {
      routes.get('/slow', async () => {
        ask();
        await released;
        return { done: true };
      });
    });
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    const idle = httpRequest(`${url}/health/live`, { agent }).end();
    const [answer] = await once(idle, 'response');
    answer.resume();
    await once(answer, 'end');

    const slow = fetch(`${url}/slow`);
    await asked;
    const closed = server.close();
    release();
    const response = await slow;
    assert.deepEqual([response.status, await response.json()], [200, { done: true }]);
    await closed;
    await assert.rejects(fetch(`${url}/health/live`));
  });
});
