import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { seededRandom } from '../random.ts';
import type { TreeEnsemble } from './ensemble.ts';
import { TreeScorer } from './scorer.ts';
import { treeContributions } from './shap.ts';
import { ensembleFrom, type PlainEnsemble } from './testing/plain-ensemble.ts';
import {
  edgeRows,
  randomEnsemble,
  randomRows,
  scoreByWalking,
  walksLeft,
} from './testing/random-ensemble.ts';

/** The mean score where only the columns of `known` are: algorithm 1 of the paper. */
function expectation(ensemble: TreeEnsemble, row: Float32Array, known: number): number {
  const { column, left, right, value, cover } = ensemble;
  const below = (node: number): number => {
    const by = column[node] as number;
    if (by < 0) return value[node] as number;
    const children = [left[node], right[node]] as [number, number];
    if (known & (1 << by)) return below(walksLeft(ensemble, node, row) ? children[0] : children[1]);
    const covers = children.map((child) => cover[child] as number) as [number, number];
    const total = covers[0] + covers[1];
    const share = total > 0 ? covers[0] / total : 0.5;
    return share * below(children[0]) + (1 - share) * below(children[1]);
  };
  return ensemble.roots.reduce((sum, root) => sum + below(root), ensemble.base);
}

/** The definition: over all subsets of the other columns, by how many orders they come first in. */
function shapleyValues(ensemble: TreeEnsemble, row: Float32Array): number[] {
  const count = ensemble.columns.length;
  const worth = Array.from({ length: 1 << count }, (_, known) => expectation(ensemble, row, known));
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  const bits = (known: number) => known.toString(2).replaceAll('0', '').length;
  return Array.from({ length: count }, (_, column) =>
    worth.reduce((sum, without, known) => {
      if (known & (1 << column)) return sum;
      const weight = (factorial(bits(known)) * factorial(count - bits(known) - 1)) / factorial(count);
      return sum + weight * ((worth[known | (1 << column)] as number) - without);
    }, 0),
  );
}

const near = (a: number, b: number, tolerance: number, label: string) =>
  assert.ok(Math.abs(a - b) <= tolerance, `${label}: ${a}, not ${b}`);

describe('contributions of columns', () => {
  it('are the Shapley values over all subsets', () => {
    for (let seed = 0; seed < 40; seed++) {
      const random = seededRandom(seed);
      const columns = 1 + random.integer(6);
      const ensemble = randomEnsemble(random, { trees: 3, columns, maxLeaves: 12, maxDepth: 6 });
      const rows = 8;
      const { values: features } = randomRows(random, ensemble, rows);
      const { expected, values } = treeContributions(ensemble, features, rows);
      for (let row = 0; row < rows; row++) {
        const own = features.subarray(row * columns, (row + 1) * columns);
        near(expected, expectation(ensemble, own, 0), 1e-12, `seed ${seed}, expected`);
        for (const [column, wanted] of shapleyValues(ensemble, own).entries()) {
          near(
            values[row * columns + column] as number,
            wanted,
            1e-12,
            `seed ${seed}, row ${row}, column ${column}`,
          );
        }
      }
    }
  });

  it('add up to the score, in deep trees that ask for a column again and again too', () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = seededRandom(seed);
      const columns = 1 + random.integer(12);
      const options = { trees: random.integer(8), columns, maxLeaves: 1 + random.integer(60), maxDepth: 25 };
      const ensemble = randomEnsemble(random, options);
      const features = edgeRows(random, ensemble).slice(0, 60 * columns);
      const rows = features.length / columns;
      const { expected, values } = treeContributions(ensemble, features, rows);
      for (let row = 0; row < rows; row++) {
        const total = values.subarray(row * columns, (row + 1) * columns).reduce((a, b) => a + b, expected);
        const score = scoreByWalking(ensemble, features.subarray(row * columns, (row + 1) * columns));
        near(total, score, 1e-9, `seed ${seed}, row ${row}`);
      }
    }
  });

  it('are numbers where no row has covered a node', () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = seededRandom(seed);
      const ensemble = randomEnsemble(random, { trees: 2, columns: 4, maxLeaves: 12, maxDepth: 6 });
      for (const node of ensemble.cover.keys()) if (random.uniform() < 0.4) ensemble.cover[node] = 0;
      const { values: features } = randomRows(random, ensemble, 20);
      const { expected, values } = treeContributions(ensemble, features, 20);
      for (let row = 0; row < 20; row++) {
        const own = features.subarray(row * 4, row * 4 + 4);
        near(expected, expectation(ensemble, own, 0), 1e-12, `seed ${seed}, expected`);
        for (const [column, wanted] of shapleyValues(ensemble, own).entries()) {
          near(
            values[row * 4 + column] as number,
            wanted,
            1e-12,
            `seed ${seed}, row ${row}, column ${column}`,
          );
        }
      }
    }
  });

  type Fixture = {
    readonly ensemble: PlainEnsemble;
    readonly rows: readonly (readonly (number | null)[])[];
    readonly scores: readonly number[];
    readonly values: readonly (readonly number[])[];
    readonly expected: number;
  };
  const path = join(import.meta.dirname, 'testing/fixtures/shap.json');
  const fixtures = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Fixture>;
  for (const [name, fixture] of Object.entries(fixtures)) {
    it(`are what the package shap says of trees of ${name}, whose scores they have`, () => {
      const ensemble = ensembleFrom(fixture.ensemble);
      const width = ensemble.columns.length;
      const features = Float32Array.from(fixture.rows.flat(), (value) => value ?? Number.NaN);
      const rows = fixture.rows.length;
      const scores = new Float64Array(rows);
      new TreeScorer(ensemble).score(features, rows, scores);
      const { expected, values } = treeContributions(ensemble, features, rows);
      near(expected, fixture.expected, 1e-6, 'expected');
      for (let row = 0; row < rows; row++) {
        near(scores[row] as number, fixture.scores[row] as number, 1e-6, `score of row ${row}`);
        for (const [column, wanted] of (fixture.values[row] as readonly number[]).entries()) {
          near(values[row * width + column] as number, wanted, 1e-6, `row ${row}, column ${column}`);
        }
      }
    });
  }
});
