import assert from 'node:assert/strict';
import test from 'node:test';
import { bitmapOf } from '../../top-k.ts';
import type { SearchOptions } from '../port.ts';
import { IdFilter } from './id-filter.ts';

const LARGEST_BOUND = 2 ** 31;
const thirds = (bound: number) =>
  bitmapOf(
    Array.from({ length: bound }, (_, id) => id).filter((id) => id % 3 === 0),
    bound,
  );

test('allowed ids are counted where they are few, and estimated where they are many', () => {
  const filter = (options: SearchOptions) => IdFilter.of(options) as IdFilter;
  assert.equal(filter({ allow: thirds(9000) }).allowedBelow(9000), 3000);
  assert.equal(filter({ exclude: thirds(9000) }).allowedBelow(9000), 6000);
  const allowed = filter({ allow: thirds(900_000) }).allowedBelow(900_000);
  assert.ok(Math.abs(allowed - 300_000) < 15_000, `${allowed}`);
  // Every other byte: with a step of as many bytes as this repeats after, all or none would be counted.
  const others = Uint8Array.from({ length: 2 ** 14 }, (_, byte) => (byte % 2 === 0 ? 255 : 0));
  const half = filter({ allow: others }).allowedBelow(2 ** 17);
  assert.ok(Math.abs(half - 2 ** 16) < 2 ** 13, `${half}`);
  // Bitmaps end long before the largest id that an index may hold.
  const rest = filter({ exclude: thirds(9000) }).allowedBelow(LARGEST_BOUND);
  assert.ok(Math.abs(rest - LARGEST_BOUND) < LARGEST_BOUND / 20, `${rest}`);
  assert.equal(filter({ allow: new Uint8Array(1) }).allowedBelow(LARGEST_BOUND), 0);
});

test('allowed ids are visited once each, in order, below the bound', () => {
  const visited = (options: SearchOptions, bound: number) => {
    const ids: number[] = [];
    IdFilter.of(options)?.forEachAllowed(bound, (id) => ids.push(id));
    return ids;
  };
  assert.deepEqual(visited({ allow: Uint8Array.of(0b1000_0001, 0b11) }, 9), [0, 7, 8]);
  assert.deepEqual(
    visited({ allow: Uint8Array.of(255, 255), exclude: Uint8Array.of(0b1111_0000) }, 10),
    [0, 1, 2, 3, 8, 9],
  );
  assert.deepEqual(visited({ exclude: Uint8Array.of(255, 0b1111_1110) }, 11), [8]);
  assert.deepEqual(visited({ exclude: Uint8Array.of(255) }, 8), []);
  // The last ids that there may be.
  const last = new Uint8Array(2 ** 28);
  last[2 ** 28 - 1] = 0b1100_0000;
  assert.deepEqual(visited({ allow: last }, LARGEST_BOUND), [2 ** 31 - 2, 2 ** 31 - 1]);
});

test('a filter that lets all through is none', () => {
  assert.equal(IdFilter.of({}), undefined);
});
