import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Random, seededRandom } from '../random.ts';
import { fitTrees } from './fit.ts';
import { losses } from './losses/losses.ts';
import { meanNdcg } from './losses/ranking.ts';
import { randomRows, scoresOf, withSeed } from './testing/random-rows.ts';
import type { TrainingRows } from './training-rows.ts';

function ranked(
  random: Random,
  rows: number,
  groupOf: number,
): TrainingRows & { readonly groups: Int32Array } {
  const plain = randomRows(random, { rows, numeric: 4, distinct: 30 });
  const groups = Int32Array.from({ length: rows / groupOf + 1 }, (_, g) => g * groupOf);
  const scale = Math.max(...plain.labels) + 1;
  return { ...plain, labels: plain.labels.map((label) => Math.floor((4 * label) / scale)), groups };
}

suite('derivatives', () => {
  for (const name of ['logistic', 'squared'] as const) {
    test(
      `of the ${name} loss are its differences`,
      withSeed((random) => {
        const labels = Float32Array.from({ length: 20 }, () => random.integer(2));
        const rows = { columns: [{ name: 'x' }], rows: 20, values: new Float32Array(20), labels };
        const loss = losses[name].open(rows);
        const scores = Float64Array.from({ length: 20 }, () => 3 * random.normal());
        const derivatives = new Float64Array(40);
        const lossAt = (row: number, by: number) =>
          20 * loss.derive(scores.with(row, (scores[row] as number) + by), new Float64Array(40), random);
        loss.derive(scores, derivatives, random);
        const step = 1e-3;
        for (let row = 0; row < 20; row++) {
          const [below, here, above] = [lossAt(row, -step), lossAt(row, 0), lossAt(row, step)];
          assert.ok(Math.abs((above - below) / (2 * step) - (derivatives[2 * row] as number)) < 1e-5);
          assert.ok(
            Math.abs((above + below - 2 * here) / step ** 2 - (derivatives[2 * row + 1] as number)) < 1e-5,
          );
        }
      }),
    );
  }

  test('of LambdaMART, by hand: two rows in the wrong order, one that is not relevant', () => {
    const rows = {
      columns: [{ name: 'x' }],
      rows: 3,
      values: new Float32Array(3),
      labels: Float32Array.of(0, 2, 2),
      groups: Int32Array.of(0, 3),
    };
    const derivatives = new Float64Array(6);
    losses.lambdamart.open(rows).derive(Float64Array.of(2, 1, 0), derivatives, seededRandom(1));
    const ideal = 3 + 3 / Math.log2(3);
    const pair = (distance: number, place: number) => {
      const change = (3 * (1 - 1 / Math.log2(place + 1))) / ideal / (0.01 + distance);
      return {
        slope: change / (1 + Math.exp(-distance)),
        curvature: (change * Math.exp(-distance)) / (1 + Math.exp(-distance)) ** 2,
      };
    };
    const [near, far] = [pair(1, 2), pair(2, 3)];
    const steepness = 2 * (near.slope + far.slope);
    const factor = Math.log2(1 + steepness) / steepness;
    const expected = [
      ...[near.slope + far.slope, near.curvature + far.curvature],
      ...[-near.slope, near.curvature],
      ...[-far.slope, far.curvature],
    ].map((value) => factor * value);
    derivatives.forEach((value, i) => {
      assert.ok(Math.abs(value - (expected[i] as number)) < 1e-12, `${i}: ${value}, ${expected[i]}`);
    });
  });

  test(
    'of LambdaMART, of a group longer than the truncation: only pairs with one of the first thirty count',
    withSeed((random) => {
      const [count, top] = [45, 30];
      const labels = Float32Array.from({ length: count }, () => random.integer(4));
      const scores = Float64Array.from({ length: count }, () => random.normal());
      const rows = { columns: [{ name: 'x' }], rows: count, values: new Float32Array(count), labels };
      const derivatives = new Float64Array(2 * count);
      const groups = Int32Array.of(0, count);
      losses.lambdamart.open({ ...rows, groups }).derive(scores, derivatives, seededRandom(1));
      const order = [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number));
      const discount = (place: number) => 1 / Math.log2(place + 2);
      const best = labels.toSorted().reverse().slice(0, top);
      const ideal = best.reduce((sum, label, place) => sum + (2 ** label - 1) * discount(place), 0);
      const slopes = new Float64Array(count);
      let steepness = 0;
      order.forEach((a, i) => {
        order.forEach((b, j) => {
          const [high, low] = [labels[a] as number, labels[b] as number];
          if (high <= low || Math.min(i, j) >= top) return;
          const distance = (scores[a] as number) - (scores[b] as number);
          const change = ((2 ** high - 2 ** low) * Math.abs(discount(i) - discount(j))) / ideal;
          const slope = change / (0.01 + Math.abs(distance)) / (1 + Math.exp(distance));
          slopes[a] = (slopes[a] as number) - slope;
          slopes[b] = (slopes[b] as number) + slope;
          steepness += 2 * slope;
        });
      });
      slopes.forEach((slope, row) => {
        const expected = (slope * Math.log2(1 + steepness)) / steepness;
        assert.ok(Math.abs((derivatives[2 * row] as number) - expected) < 1e-12, `row ${row}`);
      });
    }),
  );

  for (const name of ['lambdamart', 'yetirank'] as const) {
    test(
      `of ${name} add up to 0 in each group, and raise the better of two rows`,
      withSeed((random) => {
        const rows = ranked(random, 40, 8);
        const scores = Float64Array.from({ length: 40 }, () => random.normal());
        const derivatives = new Float64Array(80);
        losses[name].open(rows).derive(scores, derivatives, random);
        for (let g = 0; g < 5; g++) {
          const slopes = Array.from({ length: 8 }, (_, i) => derivatives[2 * (8 * g + i)] as number);
          assert.ok(Math.abs(slopes.reduce((sum, slope) => sum + slope, 0)) < 1e-12);
          const labels = rows.labels.subarray(8 * g, 8 * g + 8);
          const best = slopes.filter((_, i) => labels[i] === Math.max(...labels));
          if (best.length < 8)
            assert.ok(best.every((slope) => slope <= 0) && best.some((slope) => slope < 0));
        }
      }),
    );
  }
});

test('YetiRank: in two rows every order has them as neighbours, so that noise does not show', () => {
  const rows = {
    columns: [{ name: 'x' }],
    rows: 2,
    values: new Float32Array(2),
    labels: Float32Array.of(1, 3),
    groups: Int32Array.of(0, 2),
  };
  const derivatives = new Float64Array(4);
  losses.yetirank.open(rows).derive(Float64Array.of(0.5, 0), derivatives, seededRandom(7));
  const wrong = 1 / (1 + Math.exp(-0.5));
  [2 * wrong, 2 * wrong * (1 - wrong), -2 * wrong, 2 * wrong * (1 - wrong)].forEach((expected, i) => {
    assert.ok(Math.abs((derivatives[i] as number) - expected) < 1e-12);
  });
});

test('NDCG: equal scores stand in the order of rows, a group without relevant rows is 1', () => {
  const rows = {
    columns: [{ name: 'x' }],
    rows: 5,
    values: new Float32Array(5),
    labels: Float32Array.of(0, 1, 2, 0, 0),
    groups: Int32Array.of(0, 3, 5),
  };
  const ideal = 3 + 1 / Math.log2(3);
  const found = 1 / Math.log2(3) + 3 / 2;
  assert.equal(meanNdcg(rows, 10)(new Float64Array(5)), (found / ideal + 1) / 2);
  assert.equal(meanNdcg(rows, 1)(Float64Array.of(0, 1, 2, 0, 0)), 1);
  assert.equal(meanNdcg(rows, 1)(Float64Array.of(0, 2, 1, 0, 0)), (1 / 3 + 1) / 2);
});

for (const loss of ['lambdamart', 'yetirank'] as const) {
  test(
    `${loss} learns to rank groups that it has not seen`,
    withSeed(async (random) => {
      const [rows, unseen] = [ranked(random, 1200, 12), ranked(random, 600, 12)];
      const { ensemble, history } = await fitTrees(
        rows,
        { loss, trees: 30 },
        { seed: 1, validation: unseen },
      );
      const [first, last] = [
        history.epochs[0]?.metrics?.ndcg ?? 0,
        history.epochs.at(-1)?.metrics?.ndcg ?? 0,
      ];
      assert.ok(last > 0.9 && last > first, `${first}, ${last}`);
      assert.equal(meanNdcg(unseen, 10)(scoresOf(ensemble, unseen)), last);
    }),
  );
}
