import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { toOnnx } from '../graph/onnx.ts';
import { Session } from '../graph/session.ts';
import { Graph } from '../graph/tensor.ts';
import { type Random, seededRandom } from '../random.ts';
import { type Calibrator, calibrate, type Labelled, parseCalibrator } from './calibrator.ts';
import { fitIsotonic } from './isotonic.ts';
import { calibrated } from './onnx.ts';
import { fitPlatt } from './platt.ts';

const near = (a: number, b: number, tolerance: number, label: string) =>
  assert.ok(Math.abs(a - b) <= tolerance, `${label}: ${a}, not ${b}`);

const kinds = { isotonic: fitIsotonic, platt: fitPlatt };

/** Scores, many of them equal, and labels that are likelier the higher the score is. */
function drawn(random: Random, count: number) {
  const scores = Float32Array.from({ length: count }, () => Math.round(random.normal() * 8) / 8);
  const labels = scores.map((score) => Number(random.uniform() < 1 / (1 + Math.exp(-2 * score))));
  const weights = scores.map(() => random.integer(4));
  weights[0] = 1;
  return { scores, labels, weights };
}

const mean = (values: ArrayLike<number>, weights: ArrayLike<number>) => {
  let [sum, total] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += (weights[i] as number) * (values[i] as number);
    total += weights[i] as number;
  }
  return sum / total;
};

describe('calibrators', () => {
  type Case = Labelled & {
    readonly name: string;
    readonly asked: readonly number[];
    readonly isotonic: readonly number[];
    readonly platt: readonly number[];
  };
  const path = join(import.meta.dirname, 'testing/fixtures/scikit-learn.json');
  for (const fixture of JSON.parse(readFileSync(path, 'utf8')) as readonly Case[]) {
    it(`give the probabilities of scikit-learn: ${fixture.name}`, () => {
      const [isotonic, platt] = [fitIsotonic(fixture), fitPlatt(fixture)];
      for (const [i, score] of fixture.asked.entries()) {
        near(calibrate(isotonic, score), fixture.isotonic[i] as number, 1e-6, `isotonic, ${score}`);
        // Its optimiser stops earlier.
        near(calibrate(platt, score), fixture.platt[i] as number, 1e-4, `Platt, ${score}`);
      }
    });
  }

  it('isotonic: never descends, keeps the mean, and pooled no more than it had to', () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = seededRandom(seed);
      const labelled = drawn(random, 1 + random.integer(200));
      const calibrator = fitIsotonic(labelled);
      const fitted = labelled.scores.map((score) => calibrate(calibrator, score));
      near(
        mean(fitted, labelled.weights),
        mean(labelled.labels, labelled.weights),
        1e-6,
        `seed ${seed}, mean`,
      );
      for (let score = -5; score < 5; score += 0.01) {
        const [lower, higher] = [calibrate(calibrator, score), calibrate(calibrator, score + 0.01)];
        assert.ok(
          higher >= lower && lower >= 0 && higher <= 1,
          `seed ${seed}: ${lower} at ${score}, then ${higher}`,
        );
      }
      // Optimality: where the function rises, no block's first part has a higher mean than the whole.
      assertOptimal(labelled, calibrator, `seed ${seed}`);
    }
  });

  it('Platt: the gradient of the log loss of the smoothed targets is zero', () => {
    for (let seed = 0; seed < 40; seed++) {
      const random = seededRandom(seed);
      const { labels, weights, ...rest } = drawn(random, 2 + random.integer(200));
      const scores = rest.scores.map((score) => 10 ** (seed % 5) * score);
      const { slope, intercept } = fitPlatt({ scores, labels, weights }) as Calibrator & { kind: 'platt' };
      const positives = weights.reduce((sum, weight, i) => sum + weight * (labels[i] as number), 0);
      const negatives = weights.reduce((sum, weight) => sum + weight, 0) - positives;
      const largest = scores.reduce((most, score) => Math.max(most, Math.abs(score)), 1);
      let [bySlope, byIntercept] = [0, 0];
      for (const [i, score] of scores.entries()) {
        const target = labels[i] === 1 ? (positives + 1) / (positives + 2) : 1 / (negatives + 2);
        const residual = (weights[i] as number) * (1 / (1 + Math.exp(-(slope * score + intercept))) - target);
        bySlope += (residual * score) / largest;
        byIntercept += residual;
      }
      near(bySlope, 0, 1e-6, `seed ${seed}, slope`);
      near(byIntercept, 0, 1e-6, `seed ${seed}, intercept`);
    }
  });

  it('know one class only, equal scores, one score, and scores that separate the classes', () => {
    const ones = { scores: [1, 2, 3], labels: [1, 1, 1] };
    assert.deepEqual(fitIsotonic(ones), { kind: 'isotonic', x: [1, 3], y: [1, 1] });
    near(calibrate(fitPlatt(ones), 2), 4 / 5, 1e-9, 'the target of three positives');
    near(calibrate(fitPlatt({ scores: [1, 2, 3], labels: [0, 0, 0] }), 9), 1 / 5, 1e-9, 'of three negatives');
    const unweighted = { scores: [0, 1, 2], labels: [0, 0, 1], weights: [1, 0, 1] };
    assert.deepEqual(fitIsotonic(unweighted), { kind: 'isotonic', x: [0, 2], y: [0, 1] });
    const equal = { scores: [0.1, 0.1, 0.1, 0.1], labels: [1, 0, 0, 0] };
    assert.deepEqual(fitIsotonic(equal), { kind: 'isotonic', x: [Math.fround(0.1)], y: [0.25] });
    // The mean of the targets 2/3, 1/5, 1/5, 1/5.
    near(calibrate(fitPlatt(equal), 0.1), (2 / 3 + 3 / 5) / 4, 1e-9, 'equal scores');
    for (const fit of Object.values(kinds)) assert.ok(calibrate(fit({ scores: [5], labels: [1] }), 5) > 0.6);
    const separated = { scores: [-2, -1, 1, 2], labels: [0, 0, 1, 1] };
    assert.deepEqual(fitIsotonic(separated), { kind: 'isotonic', x: [-2, -1, 1, 2], y: [0, 0, 1, 1] });
    const { slope } = fitPlatt(separated) as Calibrator & { kind: 'platt' };
    assert.ok(slope > 0.5 && slope < 10, `${slope}`);
  });

  it('refuse what they cannot be fitted to', () => {
    const refused: readonly (readonly [Labelled, RegExp])[] = [
      [{ scores: [], labels: [] }, /no scores/],
      [{ scores: [1], labels: [] }, /1 scores, 0 labels/],
      [{ scores: [1], labels: [1], weights: [] }, /0 weights/],
      [{ scores: [1, Number.POSITIVE_INFINITY], labels: [0, 1] }, /score 1 is Infinity/],
      [{ scores: [1, Number.NaN], labels: [0, 1] }, /score 1 is NaN/],
      [{ scores: [1, -1e39], labels: [0, 1] }, /score 1 is -1e\+39/],
      [{ scores: [1], labels: [0.5] }, /label 0 is 0.5/],
      [{ scores: [1], labels: [1], weights: [-1] }, /weight 0 is -1/],
      [{ scores: [1], labels: [1], weights: [Number.POSITIVE_INFINITY] }, /weight 0 is Infinity/],
      [{ scores: [1, 2], labels: [1, 0], weights: [0, 0] }, /add up to 0/],
    ];
    for (const [labelled, message] of refused) {
      for (const fit of Object.values(kinds))
        assert.throws(() => fit(labelled), { code: 'MR_MODEL_DATA', message });
    }
  });

  it('survive JSON, which is refused where it is damaged', () => {
    const labelled = drawn(seededRandom(1), 100);
    for (const fit of Object.values(kinds)) {
      const calibrator = fit(labelled);
      assert.deepEqual(parseCalibrator(JSON.parse(JSON.stringify(calibrator))), calibrator);
    }
    const damaged = [
      null,
      {},
      { kind: 'platt', slope: 1 },
      { kind: 'platt', slope: '1', intercept: 0 },
      { kind: 'isotonic', x: [], y: [] },
      { kind: 'isotonic', x: [1, 2], y: [0] },
      { kind: 'isotonic', x: [1, 1], y: [0, 1] },
      { kind: 'isotonic', x: [0.1], y: [0] },
      { kind: 'isotonic', x: [1, 2], y: [1, 0] },
      { kind: 'isotonic', x: [1, 2], y: [0, 1.5] },
      { kind: 'isotonic', x: [1, 2], y: [-0.5, 1] },
      { kind: 'isotonic', x: [1, null], y: [0, 1] },
    ];
    for (const value of damaged) {
      assert.throws(() => parseCalibrator(value), { code: 'MR_MODEL_CHECKPOINT' }, JSON.stringify(value));
    }
  });

  it('are the same in ONNX', async () => {
    for (let seed = 0; seed < 12; seed++) {
      const random = seededRandom(seed);
      const labelled = drawn(random, [1, 2, 3, 400][seed % 4] as number);
      const asked = Float32Array.from({ length: 300 }, () => 2 * random.normal());
      asked.set(labelled.scores.subarray(0, 100));
      asked.set([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 3.4e38], 100);
      for (const fit of Object.values(kinds)) {
        const calibrator = fit(labelled);
        const graph = new Graph();
        graph.output('probability', calibrated(graph.input('scores', ['rows']), calibrator));
        const session = await Session.create(toOnnx(graph));
        const { probability } = await session.run({ scores: { data: asked, shape: [asked.length] } });
        await session.close();
        for (const [i, score] of asked.entries()) {
          // A slope of 0 has no answer to an infinite score.
          if (calibrator.kind === 'platt' && !Number.isFinite(score)) continue;
          const expected = calibrate(calibrator, score);
          near(
            probability?.[i] as number,
            expected,
            1e-6,
            `seed ${seed}, ${JSON.stringify(calibrator)}, ${score}`,
          );
        }
      }
    }
  });
});

/** A fit is the best that does not descend if no threshold parts rows of one fitted value better (Barlow et al. 1972). */
function assertOptimal(
  { scores, labels, weights = scores }: Labelled,
  calibrator: Calibrator,
  label: string,
): void {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort(
    (a, b) => (scores[a] as number) - (scores[b] as number),
  );
  let [level, residual] = [Number.NaN, 0];
  for (const [place, i] of order.entries()) {
    const fitted = calibrate(calibrator, scores[i] as number);
    if (fitted !== level) {
      assert.ok(Math.abs(residual) < 1e-9, `${label}: a block's mean is not its labels'`);
      [level, residual] = [fitted, 0];
    }
    residual += (weights[i] as number) * ((labels[i] as number) - fitted);
    // A lower part of a block whose labels' mean is below the block's would be a block of its own.
    const isLastOfScore = scores[order[place + 1] as number] !== scores[i];
    if (isLastOfScore) assert.ok(residual > -1e-9, `${label}: the block at ${level} could be parted`);
  }
}
