import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../random.ts';
import type { TreeEnsemble } from './ensemble.ts';
import { TreeScorer } from './scorer.ts';
import { edgeRows, randomEnsemble, randomRows, scoreByWalking } from './testing/random-ensemble.ts';

/** To the last bit: the sums are made in the same order. */
function assertScores(ensemble: TreeEnsemble, values: Float32Array, label: string): void {
  const width = ensemble.columns.length;
  const rows = values.length / width;
  const into = new Float64Array(rows + 1).fill(7);
  const scorer = new TreeScorer(ensemble);
  for (const run of ['first', 'second']) {
    scorer.score(values, rows, into);
    for (let row = 0; row < rows; row++) {
      const features = values.subarray(row * width, (row + 1) * width);
      assert.equal(
        into[row],
        scoreByWalking(ensemble, features),
        `${label}, ${run} run, row ${row}: ${features}`,
      );
    }
    assert.equal(into[rows], 7, `${label}: writes its rows only`);
  }
}

describe('native scores', () => {
  it('are those of a walk down each tree, for any number of rows', () => {
    for (let seed = 0; seed < 150; seed++) {
      const random = seededRandom(seed);
      const ensemble = randomEnsemble(random, {
        trees: random.integer(20),
        columns: 1 + random.integer(10),
        maxLeaves: 1 + random.integer(60),
        maxDepth: 1 + random.integer(8),
        categoricalShare: (seed % 4) / 3,
        missingLeftShare: (seed % 3) / 2,
      });
      const rows = [0, 1, 7, 8, 9, 255, 256, 257, 600][seed % 9] as number;
      assertScores(ensemble, randomRows(random, ensemble, rows).values, `seed ${seed}`);
    }
  });

  it('take the same side exactly on each split, beside it, and for what is missing, unknown or infinite', () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = seededRandom(seed);
      const options = { trees: 5, columns: 4, maxLeaves: 32, maxDepth: 6, categoricalShare: (seed % 3) / 2 };
      const ensemble = randomEnsemble(random, options);
      assertScores(ensemble, edgeRows(random, ensemble), `seed ${seed}`);
    }
  });

  it('split at thresholds of any size', () => {
    const { MAX_VALUE, NEGATIVE_INFINITY, POSITIVE_INFINITY } = Number;
    const one = randomEnsemble(seededRandom(1), {
      trees: 1,
      columns: 1,
      maxLeaves: 2,
      maxDepth: 1,
      categoricalShare: 0,
    });
    for (const threshold of [0, -0, 1e-45, -1e-45, 3.4e38, MAX_VALUE, NEGATIVE_INFINITY, POSITIVE_INFINITY]) {
      for (const missingLeft of [0, 1]) {
        const ensemble = {
          ...one,
          threshold: Float32Array.of(threshold, 0, 0),
          missingLeft: Uint8Array.of(missingLeft, 0, 0),
        };
        assertScores(ensemble, edgeRows(seededRandom(1), ensemble), `${threshold}, missing ${missingLeft}`);
      }
    }
  });

  it('know sets of every size around a word of bits', () => {
    const random = seededRandom(1);
    for (let count = 1; count < 70; count++) {
      const categories = Array.from({ length: count }, (_, category) => `${category}`);
      const one = randomEnsemble(random, {
        trees: 1,
        columns: 1,
        maxLeaves: 2,
        maxDepth: 1,
        categoricalShare: 0,
      });
      for (const missingLeft of [0, 1]) {
        const ensemble: TreeEnsemble = {
          ...one,
          columns: [{ name: 'item', categories }],
          threshold: new Float32Array(3),
          missingLeft: Uint8Array.of(missingLeft, 0, 0),
          setStarts: Int32Array.of(0, count - 1),
          categories: Int32Array.from({ length: count - 1 }, (_, category) => category + 1),
        };
        assertScores(ensemble, edgeRows(random, ensemble), `${count} categories, missing ${missingLeft}`);
      }
    }
  });

  it('take no memory for categories that no tree names', () => {
    const TREES = 2000;
    const categories = Array.from({ length: 1_000_000 }, (_, category) => `${category}`);
    const ensemble: TreeEnsemble = {
      columns: [{ name: 'item', categories }],
      base: 0,
      roots: Int32Array.from({ length: TREES }, (_, tree) => 3 * tree),
      column: Int32Array.from({ length: 3 * TREES }, (_, node) => (node % 3 === 0 ? 0 : -1)),
      threshold: Float32Array.from({ length: 3 * TREES }, (_, node) => Math.floor(node / 3) % 2),
      left: Int32Array.from({ length: 3 * TREES }, (_, node) => (node % 3 === 0 ? node + 1 : 0)),
      right: Int32Array.from({ length: 3 * TREES }, (_, node) => (node % 3 === 0 ? node + 2 : 0)),
      missingLeft: Uint8Array.from({ length: 3 * TREES }, (_, node) => Number(node % 6 === 0)),
      value: Float64Array.from({ length: 3 * TREES }, (_, node) => (node % 3 === 0 ? 0 : node)),
      cover: new Float64Array(3 * TREES).fill(1),
      gain: new Float64Array(3 * TREES),
      setStarts: Int32Array.of(0, 3, 5),
      categories: Int32Array.of(0, 17, 999_999, 17, 500_000),
    };
    const before = process.memoryUsage.rss();
    assertScores(
      ensemble,
      Float32Array.of(0, 17, 999_999, 500_000, 1, 1_000_000, -1, Number.NaN, 0.5),
      'items',
    );
    // A million bits for each split would be 250 MB.
    assert.ok(process.memoryUsage.rss() - before < 100e6);
  });
});
