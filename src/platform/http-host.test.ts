import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, it } from 'node:test';
import { createHttpServer } from './http.ts';
import { allowedHosts } from './http-host.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';

const local = { host: '127.0.0.1', port: 8080, allowedHosts: [] };

describe('allowedHosts', () => {
  it('are addresses and localhost where the server listens on this machine alone', () => {
    const allows = allowedHosts({ ...local, advertised: 'http://node-1.internal:8080' });
    for (const host of ['127.0.0.1', 'localhost', 'a.localhost', '10.0.0.7', '::1', 'node-1.internal']) {
      assert.ok(allows(host), host);
    }
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '']) {
      assert.ok(!allows(host), host);
    }
  });

  it('are those listed, and any where none are listed and it listens beyond this machine', () => {
    const listed = allowedHosts({ ...local, host: '0.0.0.0', allowedHosts: ['Shop.example'] });
    assert.deepEqual(
      [listed('shop.example'), listed('10.0.0.7'), listed('evil.example')],
      [true, true, false],
    );
    assert.ok(allowedHosts({ ...local, host: '0.0.0.0' })('millrace'));
  });
});

describe('a server that answers for some hosts', () => {
  it('refuses requests for others, whatever they ask', async (t) => {
    const logger = createLogger({ level: 'silent', name: 'test' });
    const server = await createHttpServer({
      logger,
      metrics: createMetrics(),
      allowsHost: allowedHosts(local),
    });
    t.after(() => server.close());
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const ask = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const options = { port, host: '127.0.0.1', path: '/health/live', headers: { host }, agent: false };
        request(options, (response) => resolve(response.resume().statusCode))
          .once('error', reject)
          .end();
      });
    for (const host of [`127.0.0.1:${port}`, 'localhost', 'LOCALHOST.:80', '[::1]:8080']) {
      assert.equal(await ask(host), 200, host);
    }
    for (const host of ['evil.example', `evil.example:${port}`, 'localhost@evil.example', '[evil.example]']) {
      assert.equal(await ask(host), 421, host);
    }
  });
});
