import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fuzz } from './fuzz.ts';
import { drawing, requestBytes, routes } from './requests.ts';
import { startServer } from './server.ts';

describe('fuzz', () => {
  it('sends to every route that the product declares', () => {
    const root = join(import.meta.dirname, '../../src');
    const sources = globSync('{platform,gateway,responders,versions,service,cli,engine/queries}/**/*.ts', {
      cwd: root,
    });
    const declared = sources
      .filter((path) => !/test|fixtures/.test(path))
      .flatMap((path) => {
        const text = readFileSync(join(root, path), 'utf8');
        return [...text.matchAll(/routes\s*\.(get|post|put|delete)(?:<.*>)?\(\s*(?:'([^']+)'|(PEER_PATH))/g)];
      })
      .map(([, method = '', path = routes.at(-1)?.split(' ')[1]]) => `${method.toUpperCase()} ${path}`);
    assert.deepEqual([...new Set(declared)].sort(), [...routes].sort());
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
