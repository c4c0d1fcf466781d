import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SchemaRegistry } from '../registry.ts';
import { hasCode } from './opened.ts';

export type OpenRegistry = () => Promise<{ readonly registry: SchemaRegistry; dispose(): Promise<void> }>;

const record = (name: string, ...fields: object[]) => ({ type: 'record', name, fields });
const id = { name: 'id', type: 'string' };
const first = record('Thing', id);
const second = record('Thing', id, { name: 'size', type: 'int', default: 0 });
const third = record('Thing', id, { name: 'size', type: 'long', default: 0 });

/** The schema registry port, for each of its adapters. `skip`: why its tests do not run, if they do not. */
export function registryContract(name: string, open: OpenRegistry, skip: string | false = false): void {
  const contract = (title: string, body: (registry: SchemaRegistry) => Promise<void>) => {
    test(`${name}: ${title}`, { timeout: 60_000, skip }, async () => {
      const { registry, dispose } = await open();
      try {
        await body(registry);
      } finally {
        await dispose();
      }
    });
  };

  contract('a schema is found by its id, and by registering it again', async (registry) => {
    const firstId = await registry.register('things-value', first);
    assert.ok(Number.isInteger(firstId) && firstId > 0 && firstId < 2 ** 32);
    assert.deepEqual(await registry.schema(firstId), first);
    assert.equal(await registry.register('things-value', structuredClone(first)), firstId);
    assert.deepEqual(await registry.versions('things-value'), [firstId]);
    assert.deepEqual(await registry.versions('unknown'), []);
    await assert.rejects(registry.schema(firstId + 1000), hasCode('MR_SCHEMA_UNKNOWN'));
  });

  contract('one schema has one id, whatever the subject', async (registry) => {
    const a = await registry.register('a-value', first);
    const other = await registry.register('a-value', second);
    assert.notEqual(other, a);
    assert.equal(await registry.register('b-value', first), a);
    assert.deepEqual(await registry.versions('a-value'), [a, other]);
    assert.deepEqual(await registry.versions('b-value'), [a]);
  });

  contract('a schema must read what the newest version wrote', async (registry) => {
    const ids = [];
    for (const schema of [first, second, third]) ids.push(await registry.register('things-value', schema));
    const incompatible = hasCode('MR_SCHEMA_INCOMPATIBLE');
    const required = record('Thing', id, { name: 'owner', type: 'string' });
    await assert.rejects(registry.register('things-value', required), incompatible);
    const narrowed = record(
      'Thing',
      id,
      { name: 'size', type: 'int', default: 1 },
      { name: 'x', type: 'int', default: 1 },
    );
    await assert.rejects(registry.register('things-value', narrowed), incompatible);
    assert.deepEqual(await registry.versions('things-value'), ids);
    assert.equal(
      await registry.register('things-value', first),
      ids[0],
      'an old version is found, not added again',
    );
    assert.deepEqual(await registry.versions('things-value'), ids);
    assert.ok(await registry.register('others-value', required));
  });

  contract('of two that register at once, both are checked', async (registry) => {
    await registry.register('things-value', first);
    const asInt = record('Thing', id, { name: 'extra', type: 'int', default: 0 });
    const asText = record('Thing', id, { name: 'extra', type: 'string', default: '' });
    const settled = await Promise.allSettled([
      registry.register('things-value', asInt),
      registry.register('things-value', asText),
      registry.register('things-value', asInt),
    ]);
    const versions = await registry.versions('things-value');
    assert.equal(versions.length, 2, 'int and string cannot both be versions of one field');
    assert.ok(
      settled.some(
        (result) => result.status === 'rejected' && result.reason.code === 'MR_SCHEMA_INCOMPATIBLE',
      ),
    );
  });
}
