import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { areaUnderCurve, calibration, logLoss } from './classification.ts';

const refused = { code: 'MR_EVALUATION_OUTCOMES' };

test('AUC is the share of pairs of a positive and a negative in order, ties a half', () => {
  const rows = fc.array(fc.tuple(fc.nat(4), fc.constantFrom(0, 1)), { minLength: 2, maxLength: 30 });
  fc.assert(
    fc.property(rows, (given) => {
      const of = (label: number) => given.filter(([, each]) => each === label).map(([score]) => score);
      const points = of(1).flatMap((p) => of(0).map((n) => (Math.sign(p - n) + 1) / 2));
      const outcomes = {
        predictions: given.map(([score]) => score),
        labels: given.map(([, label]) => label),
      };
      if (points.length === 0) {
        assert.throws(() => areaUnderCurve(outcomes), refused);
      } else {
        const expected = points.reduce((sum, point) => sum + point, 0) / points.length;
        assert.ok(Math.abs(areaUnderCurve(outcomes) - expected) < 1e-12);
      }
    }),
  );
});

test('AUC of infinite scores: equal ones are ties, whatever their order', () => {
  const [least, most] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const labels = [1, 0, 1, 0, 0];
  assert.equal(areaUnderCurve({ predictions: [least, least, most, 0, least], labels }), 4 / 6);
  assert.equal(areaUnderCurve({ predictions: [most, most, 5, least, 0], labels }), 4.5 / 6);
});

test('log loss by hand, finite for a wrong certainty', () => {
  const loss = logLoss({ predictions: [0.5, 0.8, 0.1], labels: [1, 1, 0] });
  assert.ok(Math.abs(loss + (Math.log(0.5) + Math.log(0.8) + Math.log(0.9)) / 3) < 1e-12);
  assert.equal(logLoss({ predictions: [1, 0], labels: [1, 0] }), 0);
  const wrong = logLoss({ predictions: [0], labels: [1] });
  assert.ok(wrong > 30 && wrong < 40);
});

test('calibration by hand: two bins, error and ratio', () => {
  const { bins, error, ratio } = calibration({ predictions: [0.9, 0.1, 0.7, 0.3], labels: [1, 0, 0, 0] }, 2);
  assert.deepEqual(bins, [
    { count: 2, predicted: 0.2, observed: 0 },
    { count: 2, predicted: 0.8, observed: 0.5 },
  ]);
  assert.ok(Math.abs(error - (0.2 + 0.3) / 2) < 1e-12);
  assert.ok(Math.abs(ratio - 2) < 1e-12);
});

test('calibration does not depend on the order of the rows, and every row is in one bin', () => {
  const rows = fc.array(fc.tuple(fc.constantFrom(0, 0.25, 0.5, 1), fc.constantFrom(0, 1)), { minLength: 1 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 12 }), (given, count) => {
      const of = (some: typeof given) =>
        calibration({ predictions: some.map(([p]) => p), labels: some.map(([, label]) => label) }, count);
      const { bins, error } = of(given);
      assert.equal(
        bins.reduce((sum, bin) => sum + bin.count, 0),
        given.length,
      );
      assert.ok(bins.length <= count && error >= 0 && error <= 1);
      // Sums of quarters are exact in any order.
      assert.deepEqual(of(given.toReversed()).bins, bins);
    }),
  );
});

test('what cannot be judged is refused', () => {
  assert.throws(() => logLoss({ predictions: [1.2], labels: [1] }), refused);
  assert.throws(() => logLoss({ predictions: [Number.NaN], labels: [1] }), refused);
  assert.throws(() => calibration({ predictions: [], labels: [] }), refused);
  assert.throws(() => areaUnderCurve({ predictions: [0.5], labels: [1, 0] }), refused);
  assert.throws(() => areaUnderCurve({ predictions: [0.5, Number.NaN, 0.1], labels: [1, 0, 1] }), refused);
});
