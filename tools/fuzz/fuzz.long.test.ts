import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { operations } from '#service/operations';
import { countsOf, isClean } from './from-openapi.ts';
import { fuzz } from './fuzz.ts';
import { drawing, requestBytes, routes } from './requests.ts';
import { startServer } from './server.ts';

describe('fuzz', () => {
  it('sends to every route that the product declares', () => {
    const declared = operations.map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(declared.sort(), [...routes].sort());
  });

  it('makes the same requests of the same seed', () => {
    for (let seed = 0; seed < 50; seed++) {
      assert.deepEqual(requestBytes(drawing(seed)), requestBytes(drawing(seed)));
    }
  });

  it('takes what schemathesis says of answers and of the document for findings, and its own errors not', () => {
    const ran = 'Errors:\n  Runtime Error: 1\nTest cases:\n  9 generated, 9 passed\n';
    assert.equal(isClean(ran), true);
    assert.equal(isClean(`====== FAILURES ======\n${ran}`), false);
    assert.equal(isClean(`Schema Error\n${ran}`), false);
    assert.equal(isClean('Error: No such option'), false);
  });

  it('counts answers of routes that there are', () => {
    const line = (route: string, status: number, count: number) =>
      `millrace_http_request_ms_count{method="GET",route="${route}",status="${status}"} ${count}`;
    const metrics = [line('/a', 200, 3), line('/b', 200, 1), line('/b', 401, 2), line('unmatched', 404, 9)];
    assert.deepEqual(countsOf(metrics.join('\n')), { 200: 4, 401: 2 });
  });

  it('finds nothing in a few seconds, and the server ends with slow connections open', {
    timeout: 180_000,
  }, async (t) => {
    const server = await startServer();
    t.after(() => server.remove());
    const { sent, byStatus, findings } = await fuzz({ ...server, seed: 1, seconds: 5 });
    assert.deepEqual(findings, []);
    assert.ok(sent > 100 && (byStatus[200] ?? 0) > 0 && (byStatus[400] ?? 0) > 0, JSON.stringify(byStatus));
    assert.equal((await server.stop(300)).code, 0);
  });
});
