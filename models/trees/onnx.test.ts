import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calibrate } from '../calibration/calibrator.ts';
import { Session } from '../graph/session.ts';
import { assertChecked, referenceOutput, skipWithoutChecker } from '../graph/testing/onnx-checker.ts';
import { seededRandom } from '../random.ts';
import type { TreeEnsemble } from './ensemble.ts';
import { treesAsOnnx } from './onnx.ts';
import { edgeRows, randomEnsemble, randomRows, scoreByWalking } from './testing/random-ensemble.ts';

/** onnxruntime adds up float32 numbers. */
const TOLERANCE = 1e-5;

async function scoresOf(file: Uint8Array, values: Float32Array, columns: number): Promise<Float32Array> {
  const session = await Session.create(file);
  const { score } = await session.run({
    features: { data: values, shape: [values.length / columns, columns] },
  });
  await session.close();
  return score as Float32Array;
}

async function assertScores(ensemble: TreeEnsemble, values: Float32Array, label: string): Promise<void> {
  const width = ensemble.columns.length;
  const scores = await scoresOf(treesAsOnnx(ensemble), values, width);
  assert.equal(scores.length, values.length / width, label);
  scores.forEach((score, row) => {
    const features = values.subarray(row * width, (row + 1) * width);
    const expected = scoreByWalking(ensemble, features);
    assert.ok(Math.abs(score - expected) < TOLERANCE, `${label}: ${score}, not ${expected}, for ${features}`);
  });
}

/** A split by the first half of this many categories. */
function oneSplit(count: number): TreeEnsemble {
  return {
    columns: [{ name: 'item', categories: Array.from({ length: count }, (_, category) => `${category}`) }],
    base: 0.5,
    roots: Int32Array.of(0),
    column: Int32Array.of(0, -1, -1),
    threshold: new Float32Array(3),
    left: Int32Array.of(1, 0, 0),
    right: Int32Array.of(2, 0, 0),
    missingLeft: Uint8Array.of(1, 0, 0),
    value: Float64Array.of(0, 1, -1),
    cover: Float64Array.of(2, 1, 1),
    gain: Float64Array.of(1, 0, 0),
    setStarts: Int32Array.of(0, Math.floor(count / 2)),
    categories: Int32Array.from({ length: Math.floor(count / 2) }, (_, category) => category),
  };
}

describe('trees as ONNX', () => {
  it('score as the trees themselves do', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const random = seededRandom(seed);
      const ensemble = randomEnsemble(random, {
        trees: random.integer(20),
        columns: 1 + random.integer(10),
        maxLeaves: 1 + random.integer(40),
        maxDepth: 1 + random.integer(8),
        categoricalShare: (seed % 4) / 3,
        missingLeftShare: (seed % 3) / 2,
      });
      await assertScores(ensemble, randomRows(random, ensemble, 200).values, `seed ${seed}`);
      const leaves = Buffer.from(treesAsOnnx(ensemble)).toString('latin1').split('LEAF').length - 1;
      const wanted = ensemble.column.filter((column) => column < 0).length;
      assert.equal(leaves, Math.max(1, wanted), `seed ${seed}: each leaf is there once`);
    }
  });

  it('take the same side exactly on each split, beside it, and for what is missing, unknown or infinite', async () => {
    for (let seed = 0; seed < 12; seed++) {
      const random = seededRandom(seed);
      const options = { trees: 5, columns: 4, maxLeaves: 32, maxDepth: 6, categoricalShare: (seed % 3) / 2 };
      const ensemble = randomEnsemble(random, options);
      await assertScores(ensemble, edgeRows(random, ensemble), `seed ${seed}`);
    }
  });

  it('split at thresholds of any size', async () => {
    for (const threshold of [
      0,
      -0,
      1e-45,
      -1e-45,
      3.4028234663852886e38,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]) {
      for (const missingLeft of [0, 1]) {
        const ensemble = {
          ...oneSplit(2),
          columns: [{ name: 'price' }],
          threshold: Float32Array.of(threshold, 0, 0),
          missingLeft: Uint8Array.of(missingLeft, 0, 0),
        };
        await assertScores(ensemble, edgeRows(seededRandom(1), ensemble), `${threshold}, ${missingLeft}`);
      }
    }
  });

  it('split sets of one category in one, of all, of none, and long chains on a thread of any kind', async () => {
    for (const count of [1, 2, 3, 31, 32, 33, 64, 65, 3999]) {
      const ensemble = oneSplit(count);
      await assertScores(ensemble, edgeRows(seededRandom(1), ensemble), `${count} categories`);
      const none = { ...ensemble, setStarts: Int32Array.of(0, 0), categories: new Int32Array() };
      await assertScores(none, edgeRows(seededRandom(1), none), `none of ${count}`);
      const all = Int32Array.from({ length: count }, (_, category) => category);
      const whole = { ...ensemble, setStarts: Int32Array.of(0, count), categories: all };
      await assertScores(whole, edgeRows(seededRandom(1), whole), `all of ${count}`);
    }
  });

  it('refuse a path that onnxruntime would not survive', () => {
    const message = /categories of item make a path of 2001 nodes/;
    assert.throws(() => treesAsOnnx(oneSplit(4002)), { code: 'MR_TREES_PATH', message });
    assert.ok(treesAsOnnx(oneSplit(4000)));
    // A split by a number before it is a node more.
    const below = (count: number): TreeEnsemble => ({
      ...oneSplit(count),
      columns: [...oneSplit(count).columns, { name: 'price' }],
      column: Int32Array.of(1, 0, -1, -1, -1),
      threshold: new Float32Array(5),
      left: Int32Array.of(1, 2, 0, 0, 0),
      right: Int32Array.of(4, 3, 0, 0, 0),
      missingLeft: new Uint8Array(5),
      value: Float64Array.of(0, 0, 1, 2, 3),
    });
    assert.throws(() => treesAsOnnx(below(4000)), { code: 'MR_TREES_PATH', message });
    assert.ok(treesAsOnnx(below(3998)));
  });

  it('give the probabilities of a calibrator', async () => {
    const random = seededRandom(5);
    const ensemble = randomEnsemble(random, { trees: 10, columns: 3, maxLeaves: 8, maxDepth: 4 });
    const { values } = randomRows(random, ensemble, 300);
    const calibrator = { kind: 'platt', slope: -1.5, intercept: 0.3 } as const;
    const scores = await scoresOf(treesAsOnnx(ensemble, calibrator), values, 3);
    scores.forEach((score, row) => {
      const expected = calibrate(calibrator, scoreByWalking(ensemble, values.subarray(row * 3, row * 3 + 3)));
      assert.ok(Math.abs(score - expected) < TOLERANCE, `${score}, not ${expected}`);
    });
  });

  it('pass the ONNX checker', { skip: skipWithoutChecker }, async () => {
    const random = seededRandom(1);
    const options = { trees: 3, columns: 5, maxLeaves: 10, maxDepth: 5 };
    const ensemble = randomEnsemble(random, options);
    const numeric = randomEnsemble(random, { ...options, categoricalShare: 0 });
    const isotonic = { kind: 'isotonic', x: [-1, 0, 2], y: [0.1, 0.2, 0.9] } as const;
    await assertChecked({
      mixed: treesAsOnnx(ensemble),
      numeric: treesAsOnnx(numeric),
      none: treesAsOnnx({ ...numeric, roots: new Int32Array(), column: new Int32Array() }),
      isotonic: treesAsOnnx(ensemble, isotonic),
      platt: treesAsOnnx(ensemble, { kind: 'platt', slope: 1, intercept: 0 }),
    });
  });

  it("have the same scores in ONNX's reference implementation", { skip: skipWithoutChecker }, async () => {
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed);
      const options = { trees: 3, columns: 4, maxLeaves: 16, maxDepth: 6, categoricalShare: 0.5 };
      const ensemble = randomEnsemble(random, options);
      const rows = edgeRows(random, ensemble);
      const scores = await referenceOutput(treesAsOnnx(ensemble), 'features', rows, 4);
      assert.equal(scores.length, rows.length / 4);
      for (const [row, score] of scores.entries()) {
        const expected = scoreByWalking(ensemble, rows.subarray(row * 4, row * 4 + 4));
        assert.ok(
          Math.abs(score - expected) < TOLERANCE,
          `seed ${seed}, row ${row}: ${score}, not ${expected}`,
        );
      }
    }
  });
});
