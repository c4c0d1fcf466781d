import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { IdTable } from './id-table.ts';

// Multiples of the largest power of two beside small ids: they meet in the same shards and slots.
const id = fc.oneof(
  fc.integer({ min: 0, max: 60 }),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  fc.integer({ min: 0, max: 60 }).map((i) => i * 2 ** 25),
);

test('the table has what a map has, after any changes', () => {
  const change = fc.record({ id, row: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 300, size: 'max' }), (changes) => {
      const table = new IdTable();
      const map = new Map<number, number>();
      for (const { id, row } of changes) {
        if (row === undefined) {
          table.delete(id);
          map.delete(id);
        } else {
          table.set(id, row);
          map.set(id, row);
        }
      }
      for (const { id } of changes) assert.equal(table.get(id), map.get(id) ?? -1);
    }),
  );
});

test('runs of slots are kept whole as thousands of ids come and go', () => {
  const table = new IdTable();
  const map = new Map<number, number>();
  for (let step = 0; step < 200_000; step++) {
    const id = (Math.imul(step, 2_654_435_761) >>> 8) % 30_000;
    if (step % 3 === 0) {
      table.delete(id);
      map.delete(id);
    } else {
      table.set(id, step);
      map.set(id, step);
    }
  }
  for (let id = 0; id < 30_000; id++) assert.equal(table.get(id), map.get(id) ?? -1);
});
