import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { KeyTable } from './key-table.ts';

type Entry = { readonly key: string; readonly value: number };

it('finds an entry until it is deleted, and again when it is back', () => {
  const table = new KeyTable<Entry>();
  table.add({ key: 'a', value: 1 });
  table.add({ key: 'b', value: 2 });
  table.delete('a');
  table.delete('no such key');
  assert.deepEqual([table.get('a')?.value, table.get('b')?.value, table.size], [undefined, 2, 1]);
  table.add({ key: 'a', value: 3 });
  assert.deepEqual([table.get('a')?.value, table.size], [3, 2]);
});

it('finds what a Map finds, whatever was added and deleted', () => {
  const key = fc.nat(500).map((i) => `key-${i}`);
  const step = fc.record({ key, isDeletion: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 2000 }), { maxLength: 4 }), (rounds) => {
      const table = new KeyTable<Entry>();
      const model = new Map<string, Entry>();
      let value = 0;
      for (const steps of rounds) {
        for (const { key, isDeletion } of steps) {
          if (isDeletion) {
            table.delete(key);
            model.delete(key);
          } else if (!model.has(key)) {
            const entry = { key, value: value++ };
            table.add(entry);
            model.set(key, entry);
          }
          assert.equal(table.size, model.size);
        }
        const keys = [...model.keys(), 'key-1', 'key-2', 'absent'];
        const found: (Entry | undefined)[] = [];
        table.getMany(keys, keys.length, found);
        assert.deepEqual(
          found,
          keys.map((each) => model.get(each)),
        );
        for (const each of keys) assert.equal(table.get(each), model.get(each));
      }
    }),
    { numRuns: 40 },
  );
});

it('grows', () => {
  const table = new KeyTable<Entry>();
  const keys = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
  for (const [value, key] of keys.entries()) table.add({ key, value });
  const found: (Entry | undefined)[] = [];
  table.getMany(keys, 10_000, found);
  assert.deepEqual(
    found.map((entry) => entry?.value),
    Array.from({ length: 10_000 }, (_, i) => i),
  );
  for (const key of keys.slice(0, 15_000)) table.delete(key);
  assert.equal(table.size, 5_000);
  assert.equal(table.get('user-14999'), undefined);
  assert.equal(table.get('user-15000')?.value, 15_000);
  table.clear();
  assert.equal(table.get('user-15000'), undefined);
});

it('begins afresh when it was cleared, with places that had been given back too', () => {
  const table = new KeyTable<Entry>();
  for (const key of ['a', 'b', 'c']) table.add({ key, value: 1 });
  table.delete('b');
  table.clear();
  assert.equal(table.size, 0);
  table.add({ key: 'd', value: 2 });
  assert.equal(table.size, 1);
  assert.equal(table.get('d')?.value, 2);
});
