import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { sortNumbers } from './sort-numbers.ts';

const bytesOf = (numbers: Float64Array | Float32Array) =>
  Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);

const number = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer({ min: -3, max: 3 }),
  fc.integer().map((i) => i / 7),
  fc.constantFrom(0, -0, Number.MIN_VALUE, -Number.MIN_VALUE, 2 ** 52 + 1),
);

for (const Numbers of [Float64Array, Float32Array]) {
  it(`sorts to the same bytes as ${Numbers.name} does, within a part of an array`, () => {
    fc.assert(
      fc.property(fc.array(number, { size: '+1' }), fc.nat(3), (list, before) => {
        const sorted = new Numbers(before + list.length + 1).fill(9);
        sorted.set(list, before);
        sortNumbers(sorted.subarray(before, before + list.length));
        const expected = new Numbers(sorted.length).fill(9);
        expected.set(Numbers.from(list).sort(), before);
        assert.deepEqual(bytesOf(sorted), bytesOf(expected));
      }),
      { numRuns: 500 },
    );
  });
}
