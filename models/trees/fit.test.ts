import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { decodeCheckpoint, encodeCheckpoint } from '../checkpoint.ts';
import { boostedTrees } from './boosting.ts';
import type { Column, TreeEnsemble } from './ensemble.ts';
import { setOf } from './ensemble.ts';
import { fitTrees } from './fit.ts';
import type { TreeOptions } from './parameters.ts';
import { exhaustiveTree } from './testing/exhaustive.ts';
import { randomRows, scoresOf, withSeed } from './testing/random-rows.ts';
import type { TrainingRows } from './training-rows.ts';

const close = (found: ArrayLike<number>, expected: ArrayLike<number>, within: number) => {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < found.length; i++) {
    const difference = Math.abs((found[i] as number) - (expected[i] as number));
    assert.ok(difference <= within, `${i}: ${found[i]} is not ${expected[i]}`);
  }
};

const numeric = (names: readonly string[]): readonly Column[] => names.map((name) => ({ name }));

async function fitted(rows: TrainingRows, options: TreeOptions, seed = 1): Promise<TreeEnsemble> {
  return (await fitTrees(rows, options, { seed })).ensemble;
}

/** [rows, columns] of the ensemble in the order of `names`. */
function reordered(data: TrainingRows, names: readonly string[]): TrainingRows {
  const from = names.map((name) => data.columns.findIndex((column) => column.name === name));
  const width = names.length;
  const values = Float32Array.from(
    data.values,
    (_, at) => data.values[Math.floor(at / width) * width + (from[at % width] as number)] as number,
  );
  return { ...data, columns: from.map((i) => data.columns[i] as Column), values };
}

suite('trees against an exhaustive search', () => {
  for (const [name, options] of [
    ['leaf by leaf', { leaves: 8, depth: 0, minRows: 1, regularisation: 0 }],
    ['of limited depth', { leaves: 8, depth: 2, minRows: 3, regularisation: 1 }],
    ['with many rows in a leaf', { leaves: 5, depth: 0, minRows: 12, regularisation: 0.5 }],
  ] as const) {
    test(
      `${name}, tree after tree`,
      withSeed(async (random) => {
        for (let round = 0; round < 10; round++) {
          const plain = randomRows(random, { rows: 30 + random.integer(60), numeric: 3 });
          const weights = Float32Array.from({ length: plain.rows }, () => 1 + random.integer(3));
          const rows = round % 2 === 0 ? plain : { ...plain, weights };
          const config = { ...options, loss: 'squared', trees: 2, minHessian: 0, learningRate: 0.5 } as const;
          const ensemble = await fitted(rows, config);
          const scores = new Float64Array(rows.rows).fill(ensemble.base);
          for (let tree = 0; tree < 2; tree++) {
            const residual = scores.map((score, row) => score - (rows.labels[row] as number));
            for (const leaf of exhaustiveTree(rows, residual, options)) {
              for (const row of leaf.rows) scores[row] = (scores[row] as number) + 0.5 * leaf.value;
            }
          }
          close(scoresOf(ensemble, rows), scores, 1e-9);
        }
      }),
    );
  }

  test(
    'a set of categories is the best of all sets',
    withSeed(async (random) => {
      for (let round = 0; round < 10; round++) {
        const rows = randomRows(random, { rows: 60, numeric: 0, categorical: 1, missing: 0 });
        const config = { loss: 'squared', trees: 1, leaves: 2, minRows: 1, learningRate: 1 } as const;
        const ensemble = await fitted(rows, { ...config, categorySmoothing: 0, categoryRegularisation: 0 });
        const mean = ensemble.base;
        const gainOf = (set: number) => {
          const sums = [
            [0, 0],
            [0, 0],
          ] as [number, number][];
          rows.labels.forEach((label, row) => {
            const side = sums[(set >> (rows.values[row] as number)) & 1] as [number, number];
            side[0] += label - mean;
            side[1]++;
          });
          return sums.reduce((gain, [sum, count]) => gain + (count === 0 ? 0 : sum ** 2 / count), 0) / 2;
        };
        const best = Math.max(...Array.from({ length: 64 }, (_, set) => gainOf(set)));
        close([ensemble.gain[0] as number], [best], 1e-6 * best);
      }
    }),
  );
});

suite('laws of trees', () => {
  const options = {
    loss: 'squared',
    trees: 10,
    leaves: 12,
    minRows: 2,
    rowShare: 0.8,
    columnShare: 0.7,
  } as const;

  test(
    'the order of the columns does not show, neither in sampling nor in equal gains',
    withSeed(async (random) => {
      const rows = randomRows(random, { rows: 300, numeric: 4, categorical: 2, distinct: 3 });
      const names = rows.columns.map(({ name }) => name).toReversed();
      const [one, other] = [await fitted(rows, options), await fitted(reordered(rows, names), options)];
      assert.deepEqual(scoresOf(one, rows), scoresOf(other, reordered(rows, names)));
    }),
  );

  test(
    'the number of threads does not show',
    withSeed(async (random) => {
      const rows = randomRows(random, { rows: 40_000, numeric: 10, categorical: 2, distinct: 100 });
      const bounded = { ...options, trees: 4, monotone: { 'number 3': 1 } } as const;
      const [one, ...others] = await Promise.all(
        [1, 2, 3].map((threads) => fitTrees(rows, bounded, { seed: 3, threads })),
      );
      for (const other of others) assert.deepEqual(other.ensemble, one?.ensemble);
    }),
  );

  test(
    'another seed samples other rows',
    withSeed(async (random) => {
      const rows = randomRows(random, { rows: 300, numeric: 4 });
      assert.deepEqual(await fitted(rows, options, 1), await fitted(rows, options, 1));
      assert.notDeepEqual((await fitted(rows, options, 1)).value, (await fitted(rows, options, 2)).value);
    }),
  );

  test(
    'twice the weight is the row twice, and none no row',
    withSeed(async (random) => {
      for (const loss of ['squared', 'logistic'] as const) {
        const drawn = randomRows(random, { rows: 120, numeric: 3, categorical: 1 });
        const labels = loss === 'squared' ? drawn.labels : drawn.labels.map((_, i) => i % 2);
        const plain = { ...drawn, labels };
        // Unlike weights keep two splits from gaining the same, between which rounding would choose.
        const once = Float32Array.from({ length: plain.rows }, () => 0.5 + random.uniform());
        const counts = Array.from(once, () => random.integer(3));
        const weights = once.map((weight, row) => weight * (counts[row] as number));
        const times = counts.flatMap((count, row) => new Array<number>(count).fill(row));
        const width = plain.columns.length;
        const repeated = {
          columns: plain.columns,
          rows: times.length,
          values: Float32Array.from(
            times.flatMap((row) => [...plain.values.subarray(row * width, (row + 1) * width)]),
          ),
          labels: Float32Array.from(times, (row) => plain.labels[row] as number),
          weights: Float32Array.from(times, (row) => once[row] as number),
        };
        const config = {
          loss,
          trees: 5,
          leaves: 8,
          minRows: 1,
          minHessian: 1e-3,
          categorySmoothing: 0,
        } as const;
        const [weighted, twice] = [
          await fitted({ ...plain, weights }, config),
          await fitted(repeated, config),
        ];
        close(scoresOf(weighted, repeated), scoresOf(twice, repeated), 1e-6);
      }
    }),
  );

  test(
    'scores follow a monotone column, up and down',
    withSeed(async (random) => {
      const plain = randomRows(random, { rows: 400, numeric: 3, missing: 0.2, distinct: 40 });
      const labels = plain.labels.map((label) => label + 20 * random.normal());
      const config = { loss: 'squared', trees: 30, leaves: 16, minRows: 2 } as const;
      const monotone = { 'number 0': 1, 'number 2': -1 } as const;
      const ensemble = await fitted({ ...plain, labels }, { ...config, monotone });
      const free = await fitted({ ...plain, labels }, config);
      const steps = Array.from({ length: 50 }, (_, i) => i / 4 - 1);
      let violations = 0;
      for (let at = 0; at < 50; at++) {
        const fixed = plain.values.subarray(3 * at, 3 * at + 3);
        for (const [column, direction] of [
          [0, 1],
          [2, -1],
        ] as const) {
          const values = Float32Array.from(steps.flatMap((step) => [...fixed.with(column, step)]));
          const grid = { columns: plain.columns, rows: steps.length, values };
          const fall = (score: number, i: number, all: Float64Array) =>
            i > 0 && direction * (score - (all[i - 1] as number)) < 0;
          assert.equal(scoresOf(ensemble, grid).some(fall), false, `column ${column}`);
          violations += Number(scoresOf(free, grid).some(fall));
        }
      }
      assert.ok(violations > 0, 'without the constraint some scores fall');
    }),
  );

  test('a row on a threshold goes left, in training as in scoring', async () => {
    const values = Float32Array.of(0.1, 0.1, Math.fround(0.1) + 2 ** -27, Math.fround(0.1) + 2 ** -27);
    const rows = { columns: numeric(['x']), rows: 4, values, labels: Float32Array.of(0, 0, 1, 1) };
    const ensemble = await fitted(rows, {
      loss: 'squared',
      trees: 1,
      leaves: 2,
      minRows: 1,
      learningRate: 1,
    });
    const [threshold] = ensemble.threshold;
    assert.ok(
      threshold !== undefined && threshold >= (values[0] as number) && threshold < (values[2] as number),
    );
    assert.deepEqual([...scoresOf(ensemble, rows)], [0, 0, 1, 1]);
    const onIt = { ...rows, rows: 1, values: Float32Array.of(threshold) };
    assert.deepEqual([...scoresOf(ensemble, onIt)], [0]);
  });

  test('missing values go where they lower the loss, on either side and alone', async () => {
    const none = Number.NaN;
    for (const [labels, missingLeft] of [
      [[0, 0, 9, 9, 0, 0], 1],
      [[0, 0, 9, 9, 9, 9], 0],
      [[5, 5, 5, 5, 9, 9], 0],
    ] as const) {
      const values = Float32Array.of(1, 2, 3, 4, none, none);
      const rows = { columns: numeric(['x']), rows: 6, values, labels: Float32Array.from(labels) };
      const ensemble = await fitted(rows, {
        loss: 'squared',
        trees: 1,
        leaves: 2,
        minRows: 1,
        learningRate: 1,
      });
      assert.equal(ensemble.missingLeft[0], missingLeft);
      close(scoresOf(ensemble, rows), labels, 1e-12);
    }
  });

  test('what training saw no missing values of follows the side with more rows', async () => {
    for (const [labels, missingLeft] of [
      [[0, 9, 9, 9], 0],
      [[0, 0, 0, 9], 1],
      // With equally many rows on both sides, the left one.
      [[0, 0, 9, 9], 1],
    ] as const) {
      const rows = {
        columns: numeric(['x']),
        rows: 4,
        values: Float32Array.of(1, 2, 3, 4),
        labels: Float32Array.from(labels),
      };
      const ensemble = await fitted(rows, { loss: 'squared', trees: 1, leaves: 2, minRows: 1 });
      assert.equal(ensemble.missingLeft[0], missingLeft);
    }
  });

  test('a category is in a set from so many rows on as smooth it; what is missing follows the side with more rows', async () => {
    const own = [...new Array<number>(5).fill(0), ...new Array<number>(5).fill(1)];
    const columns = [{ name: 'kind', categories: ['a', 'b'] }];
    const rowsWith = (kinds: readonly number[]) => ({
      columns,
      rows: kinds.length,
      values: Float32Array.from(kinds),
      labels: Float32Array.from(kinds, (kind) => 9 * kind),
    });
    const options = { loss: 'squared', trees: 1, leaves: 2, minRows: 1, categoryRegularisation: 0 } as const;
    const fit = (kinds: readonly number[], categorySmoothing: number) =>
      fitted(rowsWith(kinds), { ...options, categorySmoothing });
    const even = await fit(own, 5);
    assert.deepEqual([...even.column], [0, -1, -1]);
    assert.equal(even.missingLeft[0], 1, 'of equally many rows, the left side');
    assert.deepEqual([...(await fit(own, 6)).column], [-1]);
    for (const kinds of [
      [...own, 0],
      [...own, 1],
    ]) {
      const ensemble = await fit(kinds, 5);
      const inSet = kinds.filter((kind) => setOf(ensemble, 0).includes(kind)).length;
      assert.equal(ensemble.missingLeft[0], Number(2 * inSet >= kinds.length));
    }
  });

  test(
    'covers and gains add up',
    withSeed(async (random) => {
      const plain = randomRows(random, { rows: 200, numeric: 3 });
      const weights = Float32Array.from({ length: 200 }, () => random.integer(4));
      const config = { loss: 'squared', trees: 1, leaves: 10, minRows: 5, learningRate: 1 } as const;
      const { cover, gain, left, right, column, value, base } = await fitted({ ...plain, weights }, config);
      assert.equal(
        cover[0],
        weights.reduce((sum, weight) => sum + weight, 0),
      );
      column.forEach((split, node) => {
        assert.equal(split < 0, gain[node] === 0);
        if (split < 0) return;
        assert.ok((gain[node] as number) > 0);
        assert.equal(
          cover[node],
          (cover[left[node] as number] as number) + (cover[right[node] as number] as number),
        );
        assert.equal(value[node], 0);
        assert.ok((left[node] as number) > node && (right[node] as number) > node);
      });
      const { ensemble } = await fitTrees({ ...plain, weights }, config);
      const loss = (scores: ArrayLike<number>) =>
        plain.labels.reduce(
          (sum, label, i) => sum + ((weights[i] as number) * ((scores[i] as number) - label) ** 2) / 2,
          0,
        );
      const before = loss(new Float64Array(200).fill(base));
      const gained = gain.reduce((sum, each) => sum + each, 0);
      close([before - loss(scoresOf(ensemble, plain))], [gained], 1e-6 * before);
    }),
  );
});

suite('a training of trees', () => {
  const options = {
    loss: 'logistic',
    trees: 12,
    leaves: 6,
    minRows: 3,
    rowShare: 0.7,
    columnShare: 0.6,
  } as const;
  const rowsFor = (random: Parameters<Parameters<typeof withSeed>[0]>[0]) => {
    const rows = randomRows(random, { rows: 300, numeric: 3, categorical: 1 });
    const middle = rows.labels.toSorted()[150] as number;
    return { ...rows, labels: rows.labels.map((label) => Number(label + 4 * random.normal() > middle)) };
  };

  test(
    'goes on from a checkpoint to the same bytes',
    withSeed(async (random) => {
      const [rows, validation] = [rowsFor(random), rowsFor(random)];
      const whole = await fitTrees(rows, options, { seed: 5, validation });
      const saved: Uint8Array[] = [];
      const save = (checkpoint: Parameters<typeof encodeCheckpoint>[0]) =>
        void saved.push(encodeCheckpoint(checkpoint));
      await fitTrees(rows, options, { seed: 5, validation, checkpoints: { everySteps: 5, save } });
      assert.equal(saved.length, 2);
      for (const bytes of saved) {
        const resumed = await fitTrees(rows, options, {
          seed: 9,
          validation,
          resumeFrom: decodeCheckpoint(bytes),
        });
        assert.deepEqual(resumed, whole);
      }
    }),
  );

  test(
    'refuses a checkpoint of other rows or options',
    withSeed(async (random) => {
      const rows = rowsFor(random);
      const one = await boostedTrees.open({ train: rows }, options, 1);
      await one.step();
      const names = rows.columns.map(({ name }) => name).toReversed();
      const other = await boostedTrees.open({ train: reordered(rows, names) }, options, 1);
      const slower = await boostedTrees.open({ train: rows }, { ...options, learningRate: 0.05 }, 1);
      for (const each of [other, slower]) {
        assert.throws(() => each.restore(one.save()), { code: 'MR_MODEL_CHECKPOINT' });
      }
      await Promise.all([one, other, slower].map((training) => training.close()));
    }),
  );

  test(
    'stops early and keeps the trees that validation judged best',
    withSeed(async (random) => {
      const [rows, validation] = [rowsFor(random), rowsFor(random)];
      const greedy = { ...options, trees: 200, learningRate: 0.5 };
      const { ensemble, history } = await fitTrees(rows, greedy, { validation, patience: 5 });
      assert.equal(history.stoppedEarly, true);
      const values = history.epochs.map(({ metrics }) => metrics?.negativeLogLoss as number);
      const best = Math.max(...values);
      assert.equal(history.chosenEpoch, values.indexOf(best) + 1);
      assert.equal(ensemble.roots.length, history.chosenEpoch);
      const scores = scoresOf(ensemble, validation);
      const loss = validation.labels.reduce((sum, label, i) => {
        const chance = 1 / (1 + Math.exp(-(scores[i] as number)));
        return sum - Math.log(label === 1 ? chance : 1 - chance);
      }, 0);
      close([-loss / validation.rows], [best], 1e-9);
    }),
  );

  test(
    'reports progress, and ends when told to',
    withSeed(async (random) => {
      const stop = new AbortController();
      const seen: number[] = [];
      const training = fitTrees(rowsFor(random), options, {
        signal: stop.signal,
        onProgress: ({ step }) => {
          seen.push(step);
          if (step === 3) stop.abort(new Error('enough'));
        },
      });
      await assert.rejects(training, /enough/);
      assert.deepEqual(seen, [1, 2, 3]);
    }),
  );
});
