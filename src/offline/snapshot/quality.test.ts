import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distributionOf, summaryOf } from './distribution.ts';
import { defaultLimits, judgeQuality } from './quality.ts';
import type { ColumnStatistics } from './statistics.ts';

/** A column of numbers of 1,000 rows unless there are more values. */
function numbers(values: Iterable<number>, { rows = 1000, notFinite = 0 } = {}): ColumnStatistics {
  const sorted = Float64Array.from(values).sort();
  const summary = summaryOf(sorted);
  return {
    name: 'x',
    kind: 'number',
    rows,
    missing: rows - sorted.length - notFinite,
    notFinite,
    train: summary,
    all: summary,
    distribution: distributionOf(sorted),
  };
}

function categories(counts: Readonly<Record<string, number>>): ColumnStatistics {
  const count = Object.values(counts).reduce((sum, each) => sum + each, 0);
  const distribution = { count, categories: Object.entries(counts) };
  return {
    name: 'x',
    kind: 'category',
    rows: 1000,
    missing: 1000 - count,
    notFinite: 0,
    distinct: 9,
    distribution,
  };
}

const upTo = (count: number, of = (i: number): number => i) => Array.from({ length: count }, (_, i) => of(i));
const reasons = (now: ColumnStatistics, last?: ColumnStatistics, limits = defaultLimits) =>
  judgeQuality([now], last && [last], limits).suspect;

test('a column as it was, and a first snapshot, are not suspect', () => {
  assert.deepEqual(reasons(numbers(upTo(1000)), numbers(upTo(1000))), []);
  assert.deepEqual(reasons(numbers(upTo(1000))), []);
  assert.deepEqual(reasons(numbers([])), [], 'nothing is known of what should be there');
  assert.deepEqual(reasons(numbers(upTo(1000, () => 3)), numbers(upTo(1000, () => 3))), []);
});

test('a number that has drifted is suspect by PSI and by KS, each beyond its limit', () => {
  const last = numbers(upTo(1000));
  const drifted = numbers(upTo(1000, (i) => i * 2 + 300));
  const { columns, suspect } = judgeQuality([drifted], [last], defaultLimits);
  assert.match(suspect.join(), /^x: PSI [\d.]+ is above 0.25,x: KS 0\.\d+ is above 0.25$/);
  assert.ok((columns[0]?.psi ?? 0) > 0.25 && (columns[0]?.ks ?? 0) > 0.25);
  assert.match(
    reasons(drifted, last, { ...defaultLimits, maxKs: 1 }).join(),
    /^x: PSI [\d.]+ is above 0.25$/,
  );
  assert.match(
    reasons(drifted, last, { ...defaultLimits, maxPsi: 99 }).join(),
    /^x: KS [\d.]+ is above 0.25$/,
  );
});

test('a category that has drifted is suspect', () => {
  const last = categories({ a: 500, b: 500 });
  assert.match(reasons(categories({ a: 990, b: 10 }), last).join(), /^x: PSI [\d.]+ is above 0.25$/);
  assert.deepEqual(reasons(categories({ a: 520, b: 480 }), last), []);
});

test('more missing values than before are suspect, up to all of them', () => {
  const last = numbers(upTo(1000));
  assert.deepEqual(reasons(numbers(upTo(500, (i) => 2 * i)), last), [
    'x: 50.0% of the values are missing, 0.0% were',
  ]);
  assert.deepEqual(reasons(numbers([]), last), ['x: 100.0% of the values are missing, 0.0% were']);
  assert.deepEqual(reasons(numbers(upTo(950)), last), []);
});

test('a column that has become constant is suspect', () => {
  const found = reasons(numbers(upTo(1000, () => 500)), numbers(upTo(1000)), {
    maxPsi: 99,
    maxKs: 1,
    maxMissingIncrease: 1,
  });
  assert.deepEqual(found, ['x: all values are the same, which they were not']);
});

test('NaN is suspect, whatever was before', () => {
  assert.deepEqual(reasons(numbers(upTo(999), { notFinite: 1 })), [
    'x: 1 of 1000 values are not finite numbers',
  ]);
});

test('few rows prove nothing', () => {
  const few = (of: (i: number) => number) => numbers(upTo(400, of), { rows: 400 });
  assert.deepEqual(
    reasons(
      few((i) => i + 300),
      few((i) => i),
    ),
    [],
  );
});

test('what a column is: missing share, range, distinct', () => {
  const [column] = judgeQuality([numbers([3, 1, 1], { rows: 4 })], undefined, defaultLimits).columns;
  assert.deepEqual(column, {
    name: 'x',
    missing: 0.25,
    distinct: 2,
    min: 1,
    max: 3,
    mean: 5 / 3,
    psi: null,
    ks: null,
  });
});
