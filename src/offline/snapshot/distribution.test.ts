import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  categoryStabilityIndex,
  distributionOf,
  kolmogorovSmirnov,
  stabilityIndex,
  summaryOf,
} from './distribution.ts';

const sorted = (values: Iterable<number>) => Float64Array.from(values).sort();
const near = (actual: number, expected: number, by = 1e-9) =>
  assert.ok(Math.abs(actual - expected) <= by, `${actual} is not ${expected}`);

test('a summary of numbers, of one number, and of none', () => {
  const { quantiles, ...rest } = summaryOf(sorted([2, 4, 4, 4, 5, 5, 7, 9]));
  assert.deepEqual(rest, { count: 8, distinct: 5, mean: 5, std: 2, min: 2, max: 9 });
  assert.deepEqual(quantiles, [2, 2, 2, 4, 4, 5, 9, 9, 9]);
  const constant = summaryOf(sorted([3, 3]));
  assert.deepEqual([constant.distinct, constant.mean, constant.std], [1, 3, 0]);
  const nothing = { mean: null, std: null, min: null, max: null, quantiles: null };
  assert.deepEqual(summaryOf(sorted([])), { count: 0, distinct: 0, ...nothing });
});

test('KS is the exact statistic within a hundredth', () => {
  const values = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(values, values, (a, b) => {
      const upTo = (all: readonly number[], value: number) =>
        all.filter((each) => each <= value).length / all.length;
      const exact = Math.max(...[...a, ...b].map((value) => Math.abs(upTo(a, value) - upTo(b, value))));
      near(kolmogorovSmirnov(distributionOf(sorted(a)), distributionOf(sorted(b))), exact, 0.0101);
    }),
    { numRuns: 60 },
  );
});

test('PSI is 0 for the same, small for a sample, large for a shift', () => {
  const uniform = distributionOf(sorted(Array.from({ length: 10_000 }, (_, i) => i)));
  assert.equal(stabilityIndex(uniform, uniform), 0);
  const sample = distributionOf(sorted(Array.from({ length: 1000 }, (_, i) => 10 * i + (i % 7))));
  assert.ok(stabilityIndex(uniform, sample) < 0.01);
  // Everything a decile up: the first bin is empty, the last takes two deciles.
  const shifted = distributionOf(sorted(Array.from({ length: 10_000 }, (_, i) => i + 1000)));
  const empty = 0.5 / 10_000;
  const expected = (empty - 0.1) * Math.log(empty / 0.1) + 0.1 * Math.log(0.2 / 0.1);
  near(stabilityIndex(uniform, shifted), expected, 0.03);
});

test('PSI where values are few: constants, two values, more at the edge', () => {
  const of = (...counts: (readonly [value: number, count: number])[]) =>
    distributionOf(sorted(counts.flatMap(([value, count]) => new Array<number>(count).fill(value))));
  const constant = of([7, 1000]);
  assert.equal(stabilityIndex(constant, constant), 0);
  near(
    stabilityIndex(constant, of([7, 500], [9, 500])),
    -0.5 * Math.log(0.5) + 0.4995 * Math.log(0.5 / 0.0005),
    1e-6,
  );
  const few = of([0, 80], [1, 920]);
  assert.equal(stabilityIndex(few, few), 0);
  near(stabilityIndex(few, of([0, 400], [1, 600])), 0.32 * Math.log(5) - 0.32 * Math.log(0.6 / 0.92));
});

test('PSI of categories counts what is new and what is gone', () => {
  const of = (counts: Readonly<Record<string, number>>) => ({
    count: Object.values(counts).reduce((sum, count) => sum + count, 0),
    categories: Object.entries(counts),
  });
  const last = of({ a: 500, b: 500 });
  assert.equal(categoryStabilityIndex(last, last), 0);
  near(categoryStabilityIndex(last, of({ a: 250, b: 750 })), 0.25 * Math.log(2) + 0.25 * Math.log(1.5));
  assert.ok(categoryStabilityIndex(last, of({ a: 500, c: 500 })) > 3);
});
