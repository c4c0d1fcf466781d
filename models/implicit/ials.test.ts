import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from '../random.ts';
import { fitIals, type IalsOptions } from './ials.ts';
import { InteractionMatrix } from './interaction-matrix.ts';

function matrixOf(user: readonly number[], item: readonly number[], users: number, items: number) {
  return InteractionMatrix.fromPairs(
    { user: Int32Array.from(user), item: Int32Array.from(item) },
    users,
    items,
  );
}

/** Every pair with the same probability. */
function randomMatrix(pairs: number, users: number, items: number, seed: number): InteractionMatrix {
  const random = seededRandom(seed);
  const draw = (bound: number) => Array.from({ length: pairs }, () => random.integer(bound));
  return matrixOf(draw(users), draw(items), users, items);
}

const historiesOf = (matrix: InteractionMatrix) =>
  Array.from({ length: matrix.users }, (_, user) => matrix.itemsOf(user));

/** The loss as it is written in ials.ts, over every pair of a user and an item; user vectors by the model. */
function ialsLoss(
  matrix: InteractionMatrix,
  vectors: Float32Array,
  userVectors: Float32Array[],
  o: IalsOptions,
): number {
  const { dimension: d, unobservedWeight: alpha, regularisation, frequencyExponent } = o;
  const item = (i: number) => vectors.subarray(i * d, (i + 1) * d);
  const dot = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, value, at) => sum + value * (b[at] as number), 0);
  const counts = matrix.itemCounts();
  let loss = 0;
  userVectors.forEach((w, user) => {
    const had = matrix.itemsOf(user);
    for (let i = 0; i < matrix.items; i++) loss += alpha * dot(w, item(i)) ** 2;
    for (const i of had) loss += (dot(w, item(i)) - 1) ** 2;
    loss += regularisation * (had.length + alpha * matrix.items) ** frequencyExponent * dot(w, w);
  });
  counts.forEach((count, i) => {
    loss += regularisation * (count + alpha * matrix.users) ** frequencyExponent * dot(item(i), item(i));
  });
  return loss;
}

const ialsOptions: IalsOptions = {
  dimension: 6,
  unobservedWeight: 0.2,
  regularisation: 0.05,
  frequencyExponent: 0.7,
  epochs: 6,
  blockSize: 4,
  initialDeviation: 0.5,
  seed: 2,
};

test('iALS: no change of one coordinate makes the loss of a user vector smaller', () => {
  const matrix = randomMatrix(60, 12, 9, 5);
  const model = fitIals(matrix, ialsOptions);
  const users = historiesOf(matrix).map((had) => model.userVector(had));
  const least = ialsLoss(matrix, model.itemVectors, users, ialsOptions);
  users.forEach((vector) => {
    for (let d = 0; d < vector.length; d++) {
      for (const step of [-0.01, 0.01]) {
        const kept = vector[d] as number;
        vector[d] = kept + step;
        assert.ok(ialsLoss(matrix, model.itemVectors, users, ialsOptions) > least);
        vector[d] = kept;
      }
    }
  });
});

test('iALS: the loss falls with every epoch, whatever the blocks, and all blocks come to one loss', () => {
  const matrix = randomMatrix(150, 20, 15, 6);
  const ends = [1, 2, 4, 6, 9].map((blockSize) => {
    const options = { ...ialsOptions, epochs: 120, blockSize };
    const losses: number[] = [];
    fitIals(matrix, {
      ...options,
      onEpoch: (_, model) => {
        const { itemVectors, userVector } = model();
        const users = historiesOf(matrix).map((had) => userVector(had));
        losses.push(ialsLoss(matrix, itemVectors, users, options));
      },
    });
    losses.slice(1).forEach((loss, i) => {
      assert.ok(loss <= (losses[i] as number) * (1 + 1e-6), `block ${blockSize}, epoch ${i + 2}`);
    });
    return losses.at(-1) as number;
  });
  for (const end of ends) assert.ok(Math.abs(end / (ends[3] as number) - 1) < 0.02, `${ends}`);
});

test('iALS: scores are inner products with the item vectors; another seed gives other bytes', () => {
  const matrix = matrixOf([0, 0, 1, 1], [0, 1, 1, 2], 2, 3);
  const model = fitIals(matrix, ialsOptions);
  const had = Int32Array.of(1);
  const vector = model.userVector(had);
  const products = [0, 1, 2].map((item) =>
    vector.reduce(
      (sum, value, d) => sum + value * (model.itemVectors[item * model.dimension + d] as number),
      0,
    ),
  );
  assert.ok(model.scores(had).every((score, item) => Math.abs(score - (products[item] as number)) < 1e-6));
  assert.notDeepEqual(fitIals(matrix, { ...ialsOptions, seed: 9 }).itemVectors, model.itemVectors);
});
