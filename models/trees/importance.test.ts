import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../random.ts';
import type { TreeEnsemble } from './ensemble.ts';
import { gainImportance, permutationImportance, splitImportance } from './importance.ts';
import { TreeScorer } from './scorer.ts';
import { randomEnsemble, randomRows } from './testing/random-ensemble.ts';

/** A tree each for two columns of four, by one split at 0: the second worth 1, the third worth 3. */
const two: TreeEnsemble = {
  columns: ['unused', 'strong', 'stronger', 'unused too'].map((name) => ({ name })),
  base: 0,
  roots: Int32Array.of(0, 3),
  column: Int32Array.of(1, -1, -1, 2, -1, -1),
  threshold: new Float32Array(6),
  left: Int32Array.of(1, 0, 0, 4, 0, 0),
  right: Int32Array.of(2, 0, 0, 5, 0, 0),
  missingLeft: new Uint8Array(6),
  value: Float64Array.of(0, -1, 1, 0, -3, 3),
  cover: Float64Array.of(2, 1, 1, 2, 1, 1),
  gain: Float64Array.of(2, 0, 0, 18, 0, 0),
  setStarts: Int32Array.of(0),
  categories: new Int32Array(),
};

/** 0 less the mean squared distance from the whole ensemble's scores. */
function distance(ensemble: TreeEnsemble, values: Float32Array, rows: number) {
  const wanted = new Float64Array(rows);
  new TreeScorer(ensemble).score(values, rows, wanted);
  return (scores: Float64Array) =>
    0 - scores.reduce((sum, score, row) => sum + (score - (wanted[row] as number)) ** 2 / rows, 0);
}

describe('importance of columns', () => {
  it('by gain and by splits is the sum over the splits of a column', () => {
    assert.deepEqual([...gainImportance(two)], [0, 2, 18, 0]);
    assert.deepEqual([...splitImportance(two)], [0, 1, 1, 0]);
    for (let seed = 0; seed < 20; seed++) {
      const ensemble = randomEnsemble(seededRandom(seed), {
        trees: 5,
        columns: 6,
        maxLeaves: 9,
        maxDepth: 5,
      });
      const gains = gainImportance(ensemble).reduce((a, b) => a + b, 0);
      const all = ensemble.gain.reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(gains - all) < 1e-9, `seed ${seed}`);
      const leaves = ensemble.column.filter((column) => column < 0).length;
      const splits = splitImportance(ensemble).reduce((a, b) => a + b, 0);
      assert.equal(splits, leaves - ensemble.roots.length, `seed ${seed}`);
    }
  });

  it('by permutation is what the metric loses on average', () => {
    const random = seededRandom(1);
    const rows = 4000;
    const { values } = randomRows(random, two, rows);
    // Each column has a distribution of its own.
    for (let at = 0; at < values.length; at++) values[at] = (values[at] as number) + 0.5 * (at % 4) - 1;
    const before = values.slice();
    const metric = distance(two, values, rows);
    const importance = permutationImportance(two, { values, rows }, { metric, seed: 3 });
    assert.deepEqual(values, before, 'the rows stay as they were');
    // A permuted side is wrong for the share 2p(1 - p) of the rows, by twice the value.
    for (const [column, worth] of [
      [1, 1],
      [2, 3],
    ] as const) {
      let left = 0;
      for (let row = 0; row < rows; row++) left += Number((values[row * 4 + column] as number) <= 0) / rows;
      const expected = 2 * left * (1 - left) * (2 * worth) ** 2;
      assert.ok(
        Math.abs((importance[column] as number) / expected - 1) < 0.05,
        `${importance[column]}, ${expected}`,
      );
    }
    assert.deepEqual([importance[0], importance[3]], [0, 0]);
  });

  it('by permutation depends on the seed and the number of repeats only', () => {
    const random = seededRandom(2);
    const rows = 300;
    const ensemble = randomEnsemble(random, { trees: 5, columns: 6, maxLeaves: 9, maxDepth: 5 });
    const { values } = randomRows(random, ensemble, rows);
    const metric = distance(ensemble, values, rows);
    const of = (seed: number, repeats: number) =>
      permutationImportance(ensemble, { values, rows }, { metric, seed, repeats });
    assert.deepEqual(of(1, 2), of(1, 2));
    assert.notDeepEqual(of(1, 2), of(2, 2));
    assert.notDeepEqual(of(1, 2), of(1, 3));
    // The first permutation is the same whatever follows.
    let [judgements, first] = [0, Number.NaN];
    const spying = (scores: Float64Array) => {
      if (judgements++ === 1) first = metric(scores);
      return metric(scores);
    };
    const once = permutationImportance(ensemble, { values, rows }, { metric: spying, seed: 1, repeats: 1 });
    const column = splitImportance(ensemble).findIndex((splits) => splits > 0);
    assert.equal(once[column], 0 - first);
  });
});
