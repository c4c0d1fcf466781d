import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { operations } from '#service/operations';
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
