import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { seededBytes } from '#platform/testing';
import { RowArena } from './row-arena.ts';

describe('RowArena', () => {
  it('keeps what a map would keep, whatever the sizes and the order', () => {
    const row = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 200_000, max: 1_200_000 }));
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'ü', 'key'),
      bytes: fc.option(row),
      fill: fc.nat(255),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const arena = new RowArena();
        const map = new Map<string, Buffer>();
        for (const { key, bytes, fill } of steps) {
          if (bytes === null) {
            arena.delete(key);
            map.delete(key);
          } else {
            arena.set(key, Buffer.alloc(bytes, fill));
            map.set(key, Buffer.alloc(bytes, fill));
          }
        }
        assert.equal(arena.size, map.size);
        for (const [key, value] of map) assert.ok(arena.get(key)?.equals(value));
        assert.equal(arena.get('none'), undefined);
      }),
      { numRuns: 60 },
    );
  });

  it('finds every key of many while they come and go', () => {
    const arena = new RowArena();
    const map = new Map<string, number>();
    let random = 1;
    for (let step = 0; step < 60_000; step++) {
      random = (random * 48_271) % 0x7fff_ffff;
      const key = `user-${random % 5_000}`;
      // More come than go at first, then the other way round.
      if (random % 7 < (step < 30_000 ? 5 : 2)) {
        arena.set(key, Buffer.from([step & 0xff, (step >> 8) & 0xff]));
        map.set(key, step & 0xffff);
      } else {
        arena.delete(key);
        map.delete(key);
      }
      assert.equal(arena.size, map.size);
    }
    for (let user = 0; user < 5_000; user++) {
      const key = `user-${user}`;
      assert.equal(arena.get(key)?.readUInt16LE(), map.get(key));
    }
  });

  it('holds little more than what is live, however much has changed', () => {
    const arena = new RowArena();
    const rows = 40_000;
    // Without runs, so that packing gains nothing.
    const noise = seededBytes(2 ** 16);
    const rowOf = (index: number, round: number) => noise.subarray((index + round) % 65_000).subarray(0, 500);
    const newest = new Map<number, number>();
    for (let index = 0; index < rows; index++) arena.set(`k${index}`, rowOf(index, 0));
    // A few keys change all the time and the rest seldom, as users do.
    for (let round = 1; round <= 120_000; round++) {
      const index = round % 2 === 0 ? (round * 7919) % rows : round % 50;
      arena.set(`k${index}`, rowOf(index, round));
      newest.set(index, round);
    }
    assert.equal(arena.size, rows);
    for (let index = 0; index < rows; index++) {
      assert.ok(arena.get(`k${index}`)?.equals(rowOf(index, newest.get(index) ?? 0)));
    }
    const live = rows * (8 + 6 + 506 + 4 / 0.6);
    assert.ok(arena.bytes < 1.25 * live + 18 * 2 ** 20, `${arena.bytes} bytes are held`);
  });
});
