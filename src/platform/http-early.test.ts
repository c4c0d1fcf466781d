import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { operation, z } from './api/index.ts';
import { RetryableError } from './errors.ts';
import { createHttpServer } from './http.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';

const answer = { description: 'Nothing.', schema: z.strictObject({}) };
const shared = { tag: 'test', access: 'public', summary: 'A test.', answer } as const;
const get = operation({
  ...shared,
  id: 'get',
  method: 'GET',
  path: '/things/:id',
  params: z.object({ id: z.string() }),
});
const post = operation({ ...shared, id: 'post', method: 'POST', path: '/things', body: z.unknown() });
const busy = new RetryableError('MR_HTTP_BUSY', 'Too much.', { hint: 'Later.' });

async function start(t: TestContext) {
  const metrics = createMetrics();
  const server = await createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics });
  let isRefused = false;
  let served = 0;
  for (const each of [get, post]) {
    server.serve(each, () => {
      served++;
      return {};
    });
    server.refuseEarly(each, busy, () => isRefused);
  }
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  const refuse = (value: boolean) => {
    isRefused = value;
  };
  return { url, metrics, refuse, served: () => served };
}

const body = (text: string) => ({
  method: 'POST',
  body: text,
  headers: { 'content-type': 'application/json' },
});

describe('early refusals', () => {
  it('look as any other, and reach no handler', async (t) => {
    const { url, metrics, refuse, served } = await start(t);
    refuse(true);
    const refused = await fetch(`${url}/things/a?b=c`, { headers: { 'x-request-id': 'mine' } });
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.equal(refused.headers.get('x-request-id'), 'mine');
    assert.equal(refused.headers.get('content-type'), 'application/problem+json');
    assert.deepEqual(await refused.json(), {
      type: '/docs#MR_HTTP_BUSY',
      title: 'Service Unavailable',
      status: 503,
      detail: 'Too much.',
      code: 'MR_HTTP_BUSY',
      message: 'Too much.',
      hint: 'Later.',
    });
    assert.equal(served(), 0);
    const counted = 'millrace_http_request_ms_count{method="GET",route="/things/:id",status="503"} 1';
    assert.ok((await metrics.render()).includes(counted));
  });

  it('leave other routes and methods alone, and end when the guard says so', async (t) => {
    const { url, refuse } = await start(t);
    refuse(true);
    assert.equal((await fetch(`${url}/health/live`)).status, 200);
    assert.equal((await fetch(`${url}/thingsandmore`)).status, 404);
    assert.equal((await fetch(`${url}/things`)).status, 405);
    refuse(false);
    assert.equal((await fetch(`${url}/things/a`)).status, 200);
  });

  it('do not wait for a body, whose connection goes on', async (t) => {
    const { url, refuse, served } = await start(t);
    refuse(true);
    const large = JSON.stringify('x'.repeat(500_000));
    for (let i = 0; i < 3; i++) assert.equal((await fetch(`${url}/things`, body(large))).status, 503);
    refuse(false);
    assert.equal((await fetch(`${url}/things`, body(large))).status, 200);
    assert.equal(served(), 1);
  });
});
