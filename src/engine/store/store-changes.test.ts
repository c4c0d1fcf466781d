import assert from 'node:assert/strict';
import { it } from 'node:test';
import { takeMemory } from '#log';
import { StoreChanges } from './store-changes.ts';

it('the memory of changes that the database has serves the next ones', () => {
  const changes = new StoreChanges(Buffer.from('p'), 300_000);
  const key = { key: 'k', timestamp: 1, changes: undefined, change: 0 };
  changes.add(key, (target, at) => at + target.write('value', at));
  const memory = changes.bytes.buffer;
  assert.deepEqual(
    changes.seal().map(({ value }) => String(value)),
    ['value'],
  );
  assert.notEqual(takeMemory(300_000), memory, 'it is still in use');
  changes.written();
  assert.equal(takeMemory(300_000), memory);
});
