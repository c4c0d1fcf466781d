import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { cutWindows, packWindows, positionsOf } from './packing.ts';

const histories = (lengths: readonly number[]) => {
  const offsets = Int32Array.from({ length: lengths.length + 1 }, (_, i) =>
    lengths.slice(0, i).reduce((sum, length) => sum + length, 0),
  );
  return { offsets, ids: new Int32Array(offsets.at(-1) as number) };
};

const lengths = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 20 });

test('windows hold each position but the newest once, none is too long, and there are as few as can be', () => {
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 20 }), fc.integer(), (sizes, length, seed) => {
      const windows = cutWindows(histories(sizes), length, seededRandom(seed));
      sizes.forEach((size, user) => {
        const own = windows.filter((window) => window.user === user);
        const covered = own.flatMap(({ start, end }) =>
          Array.from({ length: end - start }, (_, i) => start + i),
        );
        assert.deepEqual(
          covered,
          Array.from({ length: Math.max(0, size - 1) }, (_, i) => i),
        );
        assert.equal(own.length, Math.max(0, Math.ceil((size - 1) / length)));
        for (const { start, end } of own) assert.ok(end - start <= length);
      });
    }),
  );
});

test('rows hold what they have room for, and nothing is lost', () => {
  fc.assert(
    fc.property(
      lengths,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 20 }),
      (sizes, length, rows) => {
        const windows = cutWindows(histories(sizes), length, seededRandom(1));
        const { packed, left } = packWindows(windows, rows, length);
        assert.equal(packed.length, rows);
        for (const row of packed) {
          assert.ok(row.reduce((sum, { start, end }) => sum + end - start, 0) <= length);
        }
        assert.deepEqual(new Set([...packed.flat(), ...left]), new Set(windows));
        assert.equal(packed.flat().length + left.length, windows.length);
      },
    ),
  );
});

test('long and short histories fill the rows to the hundredth', () => {
  const random = seededRandom(1);
  const data = histories(Array.from({ length: 1000 }, () => 20 + random.integer(300)));
  const rows = Math.ceil(positionsOf(data) / 100);
  const { left } = packWindows(cutWindows(data, 100, random), rows, 100);
  const lost = left.reduce((sum, { start, end }) => sum + end - start, 0);
  assert.ok(lost < 0.01 * positionsOf(data), `${lost} of ${positionsOf(data)}`);
});
