import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { countValue, mergeValues, noValues, valueBucket, valueInBucket } from './value-counts.ts';

const numbers = fc.double({ noDefaultInfinity: true, noNaN: true });
const countsOf = (values: readonly number[]) => {
  const counts = noValues();
  for (const value of values) countValue(counts, value);
  return counts;
};

it('buckets ascend with their numbers, are symmetric about 0, and hold numbers within 1/16 of one', () => {
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      assert.ok(a <= b ? valueBucket(a) <= valueBucket(b) : valueBucket(a) >= valueBucket(b));
      assert.equal(valueBucket(-a), 0 - valueBucket(a));
      if (Math.abs(a) < 2 ** -30) return assert.equal(valueInBucket(valueBucket(a)), 0);
      assert.ok(Math.abs(valueInBucket(valueBucket(a)) / a - 1) <= 1 / 16);
    }),
  );
  assert.deepEqual([1, 1.124, 1.125, 2].map(valueBucket), [241, 241, 242, 249]);
  for (const edge of [1, 1.124999, 2 ** -30, -8]) {
    assert.ok(Math.abs(valueInBucket(valueBucket(edge)) / edge - 1) <= 1 / 16, `${edge}`);
  }
});

it('counts do not depend on order, merge, and know what is missing', () => {
  fc.assert(
    fc.property(fc.array(fc.double()), fc.array(fc.double()), (a, b) => {
      const both = countsOf([...a, ...b]);
      assert.deepEqual(countsOf([...b, ...a]), both);
      assert.deepEqual(mergeValues(countsOf(a), countsOf(b)), both);
      const finite = [...a, ...b].filter((value) => Number.isFinite(value)).length;
      assert.equal(
        both.counts.reduce((sum, count) => sum + count, 0),
        finite,
      );
      assert.equal(both.missing, a.length + b.length - finite);
    }),
  );
});
