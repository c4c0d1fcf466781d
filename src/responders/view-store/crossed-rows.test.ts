import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { crossKey } from '#features';
import { CrossedRows } from './crossed-rows.ts';

describe('CrossedRows', () => {
  it('keeps what a map would keep, whatever the ids, the sizes and the order', () => {
    const step = fc.record({
      user: fc.constantFrom('u', 'ü', 'u1'),
      other: fc.constantFrom('', 'a', 'b', 'ä', '\u{1f600}', 'x'.repeat(200), 'with \u001f in it'),
      bytes: fc.option(fc.oneof(fc.nat(60), fc.integer({ min: 100, max: 300 }), fc.constant(70_000))),
      fill: fc.nat(255),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const rows = new CrossedRows();
        const map = new Map<string, Buffer>();
        for (const { user, other, bytes, fill } of steps) {
          const key = crossKey(user, other);
          if (bytes === null) {
            rows.delete(key);
            map.delete(key);
          } else {
            rows.set(key, Buffer.alloc(bytes, fill));
            map.set(key, Buffer.alloc(bytes, fill));
          }
          assert.equal(rows.size, map.size);
        }
        for (const [key, value] of map) assert.ok(rows.get(key)?.equals(value));
        assert.equal(rows.get(crossKey('u', 'none')), undefined);
        assert.equal(rows.get(crossKey('nobody', 'a')), undefined);
      }),
      { numRuns: 100 },
    );
  });

  it("finds each of a user's many rows while they come and go", () => {
    const rows = new CrossedRows();
    const map = new Map<string, number>();
    let random = 1;
    for (let step = 0; step < 40_000; step++) {
      random = (random * 48_271) % 0x7fff_ffff;
      const key = crossKey(random % 10 === 0 ? 'few' : 'many', `item-${random % 1_500}`);
      // More come than go at first, then the other way round.
      if (random % 7 < (step < 20_000 ? 5 : 2)) {
        rows.set(key, Buffer.from([step & 0xff, (step >> 8) & 0xff]));
        map.set(key, step & 0xffff);
      } else {
        rows.delete(key);
        map.delete(key);
      }
      assert.equal(rows.size, map.size);
    }
    for (const user of ['few', 'many']) {
      for (let item = 0; item < 1_500; item++) {
        const key = crossKey(user, `item-${item}`);
        assert.equal(rows.get(key)?.readUInt16LE(), map.get(key));
        rows.delete(key);
      }
    }
    assert.equal(rows.size, 0);
  });

  it('costs a few bytes a row beyond its own, and leaves rows handed out alone', () => {
    const rows = new CrossedRows();
    const [users, items, rowBytes] = [500, 40, 20];
    for (let user = 0; user < users; user++) {
      for (let item = 0; item < items; item++) {
        rows.set(crossKey(`user-${user}`, `item-${item}`), Buffer.alloc(rowBytes, item));
      }
    }
    const early = rows.get(crossKey('user-7', 'item-3')) as Buffer;
    for (let round = 0; round < 20_000; round++) {
      rows.set(crossKey(`user-${round % users}`, `item-${round % items}`), Buffer.alloc(rowBytes, 0xff));
    }
    assert.ok(early.equals(Buffer.alloc(rowBytes, 3)));
    assert.equal(rows.size, users * items);
    assert.ok(rows.bytes < 2.5 * users * items * (rowBytes + 9), `${rows.bytes} bytes are held`);
  });
});
