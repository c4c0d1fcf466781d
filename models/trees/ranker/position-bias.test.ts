import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitTrees } from '../fit.ts';
import { propensities, withoutPlaces } from './position-bias.ts';

const columns = [{ name: 'f' }, { name: 'position' }];

function rowsOf(rows: readonly (readonly [f: number, place: number, label: number, weight?: number])[]) {
  return {
    columns,
    rows: rows.length,
    values: Float32Array.from(rows.flatMap((row) => row.slice(0, columns.length))),
    labels: Float32Array.from(rows, ([, , label]) => label),
    ...(rows[0]?.length === 4 && { weights: Float32Array.from(rows, ([, , , weight = 1]) => weight) }),
  };
}

test('what was taken weighs by the inverse of its place, beyond the last by that one; no row tells its place', () => {
  const rows = rowsOf([
    [5, 0, 1, 2],
    [6, 1, 1, 2],
    [7, 1, 0, 3],
    [8, 9, 1, 1],
    [9, Number.NaN, 1, 4],
  ]);
  const { values, weights, labels } = withoutPlaces(rows, 1, Float64Array.of(1, 0.5, 0.25));
  assert.deepEqual([...(weights ?? [])], [2, 4, 3, 4, 4]);
  assert.deepEqual(
    [...values],
    [5, 6, 7, 8, 9].flatMap((f) => [f, Number.NaN]),
  );
  assert.deepEqual(labels, rows.labels);
  assert.equal(rows.values[1], 0, 'the rows themselves keep theirs');
  const plain = withoutPlaces({ ...rowsOf([[1, 1, 1]]) }, 1, Float64Array.of(1, 0.5));
  assert.deepEqual([...(plain.weights ?? [])], [2]);
});

test('propensities are the chances of places beside the first one, within their bounds', async () => {
  // A third, a sixth and none are taken of the first, second and third place; the fourth is taken more often than the first.
  const shares = [1 / 3, 1 / 6, 0, 2 / 3];
  const rows = rowsOf(
    shares.flatMap((share, place) =>
      Array.from({ length: 300 }, (_, i) => [i % 7, place, Number(i % 6 < 6 * share)] as const),
    ),
  );
  const options = { loss: 'logistic', trees: 60, leaves: 4, minRows: 20 } as const;
  const { ensemble } = await fitTrees(rows, options, { seed: 1 });
  const [first, second = 0, third = 1, fourth, ...others] = propensities(ensemble, 1, rows);
  assert.deepEqual([first, fourth, others], [1, 1, []]);
  assert.ok(Math.abs(second - 0.5) < 0.05, `${second}`);
  assert.equal(third, 0.02);
});
