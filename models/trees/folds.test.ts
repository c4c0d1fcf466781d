import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seededRandom } from '../random.ts';
import { foldsByGroup, foldsByTime } from './folds.ts';
import { randomRows, withSeed } from './testing/random-rows.ts';
import { rowsAt } from './training-rows.ts';

suite('folds by group', () => {
  test(
    'hold out every row once, groups whole, about equally many rows',
    withSeed((random) => {
      const starts = [0];
      for (let g = 0; g < 60; g++) starts.push((starts.at(-1) as number) + 1 + random.integer(9));
      const groups = Int32Array.from(starts);
      const rows = groups.at(-1) as number;
      const folds = foldsByGroup(groups, 5, random);
      assert.deepEqual(
        folds.flatMap(({ validation }) => [...validation]).sort((a, b) => a - b),
        [...Array(rows).keys()],
      );
      for (const { train, validation } of folds) {
        const isHeldOut = new Set(validation);
        assert.equal(train.length + validation.length, rows);
        assert.ok(train.every((row) => !isHeldOut.has(row)));
        for (let g = 0; g < 60; g++) {
          const own = Array.from(
            { length: (groups[g + 1] as number) - (groups[g] as number) },
            (_, i) => (groups[g] as number) + i,
          );
          assert.equal(new Set(own.map((row) => isHeldOut.has(row))).size, 1, `group ${g} is cut`);
        }
        assert.ok(Math.abs(validation.length - rows / 5) <= 9);
      }
    }),
  );

  test('need a group each', () => {
    assert.throws(() => foldsByGroup(Int32Array.of(0, 4, 8), 3, seededRandom(1)), { code: 'MR_MODEL_DATA' });
    assert.throws(() => foldsByGroup(Int32Array.of(0, 4, 8), 1, seededRandom(1)), {
      code: 'MR_MODEL_CONFIG',
    });
  });
});

suite('folds by time', () => {
  test(
    'learn from the past alone, and hold out all of the rest in turn',
    withSeed((random) => {
      const times = Float64Array.from({ length: 200 }, () => random.integer(40));
      const folds = foldsByTime(times, 4);
      const timesOf = (rows: Int32Array) => Array.from(rows, (row) => times[row] as number);
      let seen = folds[0]?.train.length ?? 0;
      for (const { train, validation } of folds) {
        assert.ok(Math.max(...timesOf(train)) < Math.min(...timesOf(validation)));
        assert.equal(train.length, seen);
        assert.ok(validation.length > 10);
        seen += validation.length;
      }
      assert.equal(seen, 200);
    }),
  );

  test('keep the rows of one time together, however many they are', () => {
    const times = Float64Array.of(1, 1, 1, 1, 1, 1, 1, 1, 2, 3);
    const folds = foldsByTime(times, 2);
    assert.deepEqual(
      folds.map(({ train, validation }) => [train.length, [...validation]]),
      [
        [8, [8]],
        [9, [9]],
      ],
    );
    assert.throws(() => foldsByTime(times, 3), { code: 'MR_MODEL_DATA' });
    assert.throws(() => foldsByTime(times.with(0, Number.NaN), 2), { code: 'MR_MODEL_DATA' });
    assert.throws(() => foldsByTime(new Float64Array(), 2), { code: 'MR_MODEL_DATA' });
    assert.throws(() => foldsByTime(times, 0), { code: 'MR_MODEL_CONFIG' });
  });
});

test('rows of a fold keep their values, labels and weights, and what is left of their groups', () => {
  const plain = randomRows(seededRandom(4), { rows: 8, numeric: 2 });
  const data = {
    ...plain,
    weights: Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7),
    groups: Int32Array.of(0, 3, 5, 8),
  };
  const kept = rowsAt(data, Int32Array.of(1, 2, 6));
  assert.deepEqual(kept.weights, Float32Array.of(1, 2, 6));
  assert.deepEqual(kept.groups, Int32Array.of(0, 2, 3));
  assert.deepEqual(
    kept.labels,
    Float32Array.from([1, 2, 6], (row) => data.labels[row] as number),
  );
  assert.deepEqual(kept.values.subarray(4), data.values.subarray(12, 14));
  assert.deepEqual([kept.rows, kept.columns], [3, data.columns]);
});
