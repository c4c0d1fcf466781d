import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { SpreadMap } from './spread-map.ts';

it('holds what a Map would', () => {
  const id = fc.string({ maxLength: 6 });
  const step = fc.record({ id, value: fc.option(fc.nat(3), { nil: undefined }), isDeletion: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const spread = new SpreadMap<number | undefined>();
      const map = new Map<string, number | undefined>();
      for (const { id, value, isDeletion } of steps) {
        if (isDeletion) spread.delete(id);
        else spread.set(id, value);
        if (isDeletion) map.delete(id);
        else map.set(id, value);
        assert.deepEqual([spread.has(id), spread.get(id)], [map.has(id), map.get(id)]);
      }
      assert.deepEqual(new Map(spread), map);
      spread.clear();
      assert.deepEqual([...spread], []);
    }),
  );
});
