import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BinnedColumn, binningOf, MOST_BINS, packBins } from './binning.ts';

/** Values close to one another share the bits by which bins are looked up. */
const value = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: 0, max: 400 }).map((steps) => 1 + steps * 2 ** -23),
  fc.constantFrom(0, -0, 2 ** -149, -(2 ** -149), 2 ** -126, -1, 1, Number.NaN),
);

test('a value is in the first bin whose threshold it does not exceed, those missing in the last', () => {
  const ofRows = (list: readonly number[], bins: number) => {
    const data = { columns: [{ name: 'x' }], rows: list.length, values: Float32Array.from(list) };
    const binning = binningOf(data, bins);
    const packed = new Uint32Array(list.length);
    packBins(data, binning, packed);
    const { thresholds, bins: count } = binning.columns[0] as BinnedColumn;
    return { values: data.values, packed, thresholds: thresholds as Float32Array, count };
  };
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, size: '+2' }),
      fc.integer({ min: 2, max: 255 }),
      (list, bins) => {
        const { values, packed, thresholds, count } = ofRows(list, bins);
        assert.equal(thresholds.length, count);
        assert.ok(count < MOST_BINS);
        values.forEach((each, row) => {
          const expected = Number.isNaN(each)
            ? count
            : thresholds.findIndex((threshold) => each <= threshold);
          assert.equal(packed[row], expected, `${each} of ${thresholds}`);
        });
      },
    ),
    { numRuns: 300 },
  );
});
