import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createHttpServer } from './http.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const SHOP = 'https://shop.example';

async function start(t: TestContext, origins?: readonly string[]): Promise<string> {
  const server = await createHttpServer({ logger, metrics: createMetrics(), ...(origins && { origins }) });
  t.after(() => server.close());
  server.routes.post('/events', async () => ({}));
  return (await server.listen({ host: '127.0.0.1', port: 0 })).url;
}

async function headersOf(url: string, init: RequestInit): Promise<Headers> {
  const response = await fetch(url, init);
  await response.arrayBuffer();
  return response.headers;
}

const preflight = (origin: string): RequestInit => ({
  method: 'OPTIONS',
  headers: {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type',
  },
});

describe('browsers', () => {
  it('are let from no other origin by default', async (t) => {
    const url = await start(t);
    for (const init of [preflight(SHOP), { headers: { origin: SHOP } }]) {
      const headers = await headersOf(`${url}/health/live`, init);
      assert.equal(headers.get('access-control-allow-origin'), null);
    }
  });

  it('are let from the origins that are named, with tokens and without cookies', async (t) => {
    const url = await start(t, [`${SHOP}/`]);
    const allowed = await headersOf(`${url}/events`, preflight(SHOP));
    assert.equal(allowed.get('access-control-allow-origin'), SHOP);
    assert.match(allowed.get('access-control-allow-headers') ?? '', /authorization/);
    assert.match(allowed.get('vary') ?? '', /origin/i);
    assert.equal(allowed.get('access-control-allow-credentials'), null);
    const answer = await headersOf(`${url}/health/live`, { headers: { origin: SHOP } });
    assert.equal(answer.get('access-control-allow-origin'), SHOP);
    for (const origin of [
      'https://evil.example',
      'null',
      'http://shop.example',
      'https://shop.example.evil.example',
    ]) {
      const refused = await headersOf(`${url}/events`, preflight(origin));
      assert.equal(refused.get('access-control-allow-origin'), null, origin);
    }
  });

  it('are told not to run, frame or guess at answers, whatever is asked', async (t) => {
    const url = await start(t);
    for (const path of ['/health/live', '/metrics', '/nowhere', '/', '/openapi.json', '/%FF', '/docs']) {
      const headers = await headersOf(url + path, {});
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(headers.get('x-frame-options'), 'DENY', path);
      assert.equal(headers.get('referrer-policy'), 'no-referrer', path);
      assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'; /, path);
      assert.equal(headers.get('server'), null, path);
      assert.equal(headers.get('x-powered-by'), null, path);
    }
  });

  it('keep no answer that needs a right', async (t) => {
    const url = await start(t);
    assert.equal((await headersOf(`${url}/metrics`, {})).get('cache-control'), 'no-store');
    assert.equal((await headersOf(`${url}/health/live`, {})).get('cache-control'), null);
  });
});
