import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assertLaws, fold, standalone } from '../testing/laws.ts';
import { finiteNumbers, type Sample, sample, samples } from '../testing/samples.ts';
import { bucketOf, midpointOf, quantile } from './quantile.ts';

const RANKS = [0, 0.25, 0.5, 0.9, 1];
const subject = standalone(quantile(RANKS, (event: Sample) => event.value));

function assertNear(found: number, exact: number): void {
  const allowed = Math.max(Math.abs(exact) / 128, 2 ** -30);
  assert.ok(Math.abs(found - exact) <= allowed, `${found} for ${exact}`);
}

describe('quantile', () => {
  it('obeys the laws', () => assertLaws(subject, samples));

  it('is within 1/128 of the number at its rank', () => {
    const durations = fc.array(fc.oneof(finiteNumbers, fc.integer({ min: 1, max: 7_200_000 })), {
      minLength: 1,
      maxLength: 200,
      size: 'max',
    });
    fc.assert(
      fc.property(durations, (values) => {
        const state = fold(
          subject,
          values.map((value) => sample({ value })),
        );
        const found = subject.finish(state, 0) as number[];
        const ascending = values.toSorted((a, b) => a - b);
        RANKS.forEach((rank, index) => {
          const place = Math.max(1, Math.ceil(rank * values.length));
          assertNear(found[index] as number, ascending[place - 1] as number);
        });
      }),
    );
  });

  it('is null without numbers', () => {
    assert.equal(subject.finish(fold(subject, [sample({ value: null })]), 0), null);
  });

  it('refuses a number that is not finite, and ranks outside of 0 to 1', () => {
    const infinite = sample({ value: Number.POSITIVE_INFINITY });
    assert.throws(() => subject.add(subject.empty(), infinite), { code: 'MR_INVARIANT' });
    assert.throws(() => quantile([0.5, 95], () => 0), { code: 'MR_INVARIANT' });
  });

  it('refuses bytes with empty buckets, buckets out of order, or beyond all doubles', () => {
    for (const wrong of [
      { keys: [1], counts: [0] },
      { keys: [1, 1], counts: [1, 1] },
      { keys: [2 ** 20], counts: [1] },
    ]) {
      assert.throws(() => subject.decode(subject.encode(wrong)), { code: 'MR_FEATURES_STATE_MALFORMED' });
    }
  });
});

describe('buckets of numbers', () => {
  it('ascend with the number, and their midpoints lie in them', () => {
    fc.assert(
      fc.property(finiteNumbers, finiteNumbers, (a, b) => {
        if (a < b) assert.ok(bucketOf(a) <= bucketOf(b));
        assert.equal(bucketOf(midpointOf(bucketOf(a))), bucketOf(a));
        assert.equal(bucketOf(-a), 0 - bucketOf(a));
        assertNear(midpointOf(bucketOf(a)), a);
      }),
    );
  });

  it('are 64 between a power of two and the next', () => {
    assert.equal(bucketOf(0), 0);
    assert.equal(bucketOf(2 ** -30), 1);
    assert.equal(bucketOf(2) - bucketOf(1), 64);
    assert.equal(bucketOf(1 + 1 / 64) - bucketOf(1), 1);
  });
});
