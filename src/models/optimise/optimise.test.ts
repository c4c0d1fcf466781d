import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { Adam } from './adam.ts';
import { DistinctIds } from './distinct-ids.ts';
import { EmbeddingTable } from './embedding-table.ts';

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
