import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { Adam } from './adam.ts';
import { clipGlobalNorm, globalNorm } from './clipping.ts';
import { DistinctIds } from './distinct-ids.ts';
import { EmbeddingTable } from './embedding-table.ts';
import { createOptimiser, type OptimiserOptions, restoreWeights, saveWeights } from './optimiser.ts';
import { scheduleFactor } from './schedule.ts';

test('Adam: the first step is the learning rate, against the sign of the gradient', () => {
  const weights = Float32Array.of(1, 1, 1);
  new Adam(3, { learningRate: 0.1 }).update(weights, Float32Array.of(5, -0.01, 0));
  assert.deepEqual(
    [...weights].map((w) => w.toFixed(4)),
    ['0.9000', '1.1000', '1.0000'],
  );
});

test('Adam finds the minimum of a badly scaled bowl', () => {
  const weights = Float32Array.of(3, -2);
  const adam = new Adam(2, { learningRate: 0.05 });
  for (let step = 0; step < 2000; step++) {
    adam.update(
      weights,
      Float32Array.of((weights[0] as number) - 1, 100 * ((weights[1] as number) + 1)),
      1 - step / 2000,
    );
  }
  assert.ok(
    Math.abs((weights[0] as number) - 1) < 1e-3 && Math.abs((weights[1] as number) + 1) < 1e-3,
    weights.join(),
  );
});

test('a table whose rows are all in each step moves as dense Adam does', () => {
  const random = seededRandom(3);
  const table = new EmbeddingTable(3, 2, 0.1, random, { learningRate: 0.01 });
  const dense = table.weights.slice();
  const adam = new Adam(6, { learningRate: 0.01 });
  for (let step = 0; step < 20; step++) {
    const gradient = Float32Array.from({ length: 6 }, () => random.normal());
    // Rows in the order 2, 0, 1.
    const permuted = Float32Array.of(...gradient.subarray(4), ...gradient.subarray(0, 4));
    adam.update(dense, gradient);
    table.update(Int32Array.of(2, 0, 1), permuted);
  }
  assert.deepEqual(table.weights, dense);
});

test('rows outside of a step stay as they are, and their first update counts as a first one', () => {
  const table = new EmbeddingTable(2, 1, 0, seededRandom(1), { learningRate: 0.1 });
  for (let step = 0; step < 50; step++) table.update(Int32Array.of(0), Float32Array.of(1));
  assert.equal(Math.abs(table.weights[1] as number), 0);
  table.update(Int32Array.of(1), Float32Array.of(1));
  assert.equal((table.weights[1] as number).toFixed(4), '-0.1000');
  assert.deepEqual(
    table.gather(Int32Array.of(1, 0, 1)),
    Float32Array.of(table.weights[1] as number, table.weights[0] as number, table.weights[1] as number),
  );
});

test('distinct ids: positions point back to the ids, in order of first appearance', () => {
  const distinct = new DistinctIds(20);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 19 })), (ids) => {
      distinct.clear();
      const positions = ids.map((id) => distinct.add(id));
      assert.deepEqual([...distinct.ids], [...new Set(ids)]);
      assert.deepEqual(
        positions.map((position) => distinct.ids[position]),
        ids,
      );
      for (let id = 0; id < 20; id++) assert.equal(distinct.has(id), ids.includes(id));
    }),
  );
});

const kinds: readonly OptimiserOptions[] = [
  { kind: 'adam', learningRate: 0.05 },
  { kind: 'adam', learningRate: 0.05, weightDecay: 0.01, beta2: 0.98 },
  { kind: 'sgd', learningRate: 0.05 },
  { kind: 'sgd', learningRate: 0.05, momentum: 0.9, weightDecay: 0.01 },
  { kind: 'row-wise-adagrad', learningRate: 0.5 },
];

for (const options of kinds) {
  const name = JSON.stringify(options);

  test(`${name}: all rows by their ids move as all rows at once do`, () => {
    const random = seededRandom(3);
    const [byIds, atOnce] = [createOptimiser(options, 3, 2), createOptimiser(options, 3, 2)];
    const start = Float32Array.from({ length: 6 }, () => random.normal());
    const [a, b] = [start.slice(), start.slice()];
    for (let step = 0; step < 20; step++) {
      const gradient = Float32Array.from({ length: 6 }, () => random.normal());
      atOnce.update(a, gradient, 0.5);
      // Rows in the order 2, 0, 1.
      const permuted = Float32Array.of(...gradient.subarray(4), ...gradient.subarray(0, 4));
      byIds.update(b, permuted, 0.5, Int32Array.of(2, 0, 1));
    }
    assert.notDeepEqual(a, start);
    assert.deepEqual(a, b);
  });

  test(`${name}: finds the minimum of a bowl, weight decay aside`, () => {
    const weights = Float32Array.of(3, -2, 0, 1);
    const aim = [1, -1, 0.5, 2];
    const optimiser = createOptimiser({ ...options, weightDecay: 0 }, 2, 2);
    for (let step = 0; step < 1500; step++) {
      const gradient = weights.map((weight, i) => weight - (aim[i] as number));
      optimiser.update(weights, gradient, 1 - step / 1500);
    }
    for (const [i, weight] of weights.entries()) {
      assert.ok(Math.abs(weight - (aim[i] as number)) < 2e-3, weights.join());
    }
  });

  test(`${name}: saved and restored, it goes on to the same bytes`, () => {
    const random = seededRandom(5);
    const gradients = Array.from({ length: 8 }, () =>
      Float32Array.from({ length: 4 }, () => random.normal()),
    );
    const run = (weights: Float32Array, optimiser = createOptimiser(options, 2, 2), from = 0, to = 8) => {
      for (const gradient of gradients.slice(from, to)) optimiser.update(weights, gradient);
      return optimiser;
    };
    const [undisturbed, first, second] = [new Float32Array(4), new Float32Array(4), new Float32Array(4)];
    run(undisturbed);
    const arrays = new Map();
    saveWeights(arrays, 'table', first, run(first, undefined, 0, 5));
    const resumed = createOptimiser(options, 2, 2);
    restoreWeights({ arrays, values: null }, 'table', second, resumed);
    run(second, resumed, 5);
    assert.deepEqual(second, undisturbed);
    assert.throws(
      () =>
        restoreWeights(
          { arrays, values: null },
          'table',
          new Float32Array(6),
          createOptimiser(options, 3, 2),
        ),
      { code: 'MR_MODEL_CHECKPOINT' },
    );
  });
}

test('weight decay takes its share of a weight, whatever the gradient', () => {
  for (const kind of ['adam', 'sgd', 'row-wise-adagrad'] as const) {
    const weights = Float32Array.of(2);
    const optimiser = createOptimiser({ kind, learningRate: 0.1, weightDecay: 0.5 }, 1, 1);
    optimiser.update(weights, Float32Array.of(0), 0.5);
    assert.equal((weights[0] as number).toFixed(5), (2 * (1 - 0.1 * 0.5 * 0.5)).toFixed(5), kind);
  }
});

test('momentum repeats the last move', () => {
  const weights = Float32Array.of(0);
  const optimiser = createOptimiser({ kind: 'sgd', learningRate: 1, momentum: 0.5 }, 1, 1);
  optimiser.update(weights, Float32Array.of(1));
  optimiser.update(weights, Float32Array.of(0));
  optimiser.update(weights, Float32Array.of(0));
  assert.equal(weights[0], -1.75);
});

test('row-wise Adagrad: one step size for a row, and it falls with what the row has seen', () => {
  const weights = new Float32Array(4);
  const optimiser = createOptimiser({ kind: 'row-wise-adagrad', learningRate: 1 }, 2, 2);
  const ids = Int32Array.of(0);
  optimiser.update(weights, Float32Array.of(3, 4), 1, ids);
  const size = Math.sqrt((9 + 16) / 2);
  assert.deepEqual([...weights], [...Float32Array.of(-3 / size, -4 / size, 0, 0)]);
  const before = weights[0] as number;
  optimiser.update(weights, Float32Array.of(3, 4), 1, ids);
  assert.ok(Math.abs(before - (weights[0] as number) - 3 / size / Math.SQRT2) < 1e-6);
});

test('schedules rise to 1 in the warm-up, then stay or fall to 0', () => {
  const at = (decay: 'constant' | 'linear' | 'cosine', step: number) =>
    scheduleFactor({ decay, warmUpSteps: 4 }, step, 24);
  for (const decay of ['constant', 'linear', 'cosine'] as const) {
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((step) => at(decay, step)),
      [0.2, 0.4, 0.6, 0.8, 1],
    );
  }
  assert.deepEqual([at('constant', 23), at('linear', 14), at('cosine', 14)], [1, 0.5, 0.5]);
  assert.ok(at('linear', 23) < 0.051 && at('cosine', 23) < 0.007 && at('cosine', 23) > 0);
});

test('clipping keeps the direction of all gradients together, and leaves small ones alone', () => {
  const gradients = [Float32Array.of(3), Float32Array.of(0, 4)];
  assert.equal(clipGlobalNorm(gradients, 5), 5);
  assert.deepEqual(gradients, [Float32Array.of(3), Float32Array.of(0, 4)]);
  assert.equal(clipGlobalNorm(gradients, 1), 5);
  assert.ok(Math.abs(globalNorm(gradients) - 1) < 1e-6);
  assert.ok(Math.abs((gradients[0]?.[0] as number) - 0.6) < 1e-6);
});
