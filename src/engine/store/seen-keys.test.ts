import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SeenKeys } from './seen-keys.ts';

it('however many keys are expected, at most 16 MiB are taken', () => {
  const before = process.memoryUsage().arrayBuffers;
  const seen = new SeenKeys(1e12);
  assert.equal(seen.add(7), false);
  assert.equal(seen.add(7), true);
  const taken = process.memoryUsage().arrayBuffers - before;
  assert.ok(taken > 8 * 2 ** 20 && taken < 17 * 2 ** 20, `${taken} bytes`);
});
