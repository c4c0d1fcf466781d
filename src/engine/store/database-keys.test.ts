import assert from 'node:assert/strict';
import { it } from 'node:test';
import { prefixedKey, storePrefix } from './database-keys.ts';

it('a key of any length is whole, and the next one too', () => {
  const prefix = storePrefix('rows');
  for (const key of ['k', 'é'.repeat(127), 'k'.repeat(250), 'é'.repeat(5_000), 'k']) {
    assert.deepEqual(prefixedKey(prefix, key), Buffer.concat([prefix, Buffer.from(key)]), `of ${key.length}`);
  }
});
