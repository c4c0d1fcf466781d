import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { EmbeddingBags } from './embedding-bags.ts';

const WIDTH = 3;
const CARDINALITIES = [4, 1, 6];
const ROWS = 5;

const bags = (cardinality: number) =>
  fc.array(fc.array(fc.integer({ min: 0, max: cardinality - 1 }), { maxLength: 4 }), {
    minLength: ROWS,
    maxLength: ROWS,
  });

function compressed(rows: readonly (readonly number[])[]) {
  const offsets = [0];
  for (const row of rows) offsets.push((offsets.at(-1) as number) + row.length);
  return { offsets: Int32Array.from(offsets), ids: Int32Array.from(rows.flat()) };
}

test('sums and gradients of bags are those of brute force, empty and repeated ids included', () => {
  const features = fc.tuple(...CARDINALITIES.map(bags));
  const chosen = fc.array(fc.integer({ min: 0, max: ROWS - 1 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(features, chosen, fc.integer(), (lists, rows, seed) => {
      const random = seededRandom(seed);
      const options = { kind: 'sgd', learningRate: 1 } as const;
      const learned = new EmbeddingBags(CARDINALITIES, WIDTH, 1, random, options);
      const before = Float64Array.from(learned.table.weights);
      const expected = before.slice();
      const bases = [0, 4, 5];
      // The last two features are looked up by themselves, as a model's other side.
      const parts = [0, 1].map((first) => {
        const own = first === 0 ? lists.slice(0, 1) : lists.slice(1);
        const lookup = learned.lookup(own.map(compressed), first, Int32Array.from(rows));
        const gradient = Float32Array.from({ length: rows.length * own.length * WIDTH }, () =>
          random.normal(),
        );
        const sums = learned.sums(lookup);
        rows.forEach((row, i) => {
          own.forEach((feature, f) => {
            for (let k = 0; k < WIDTH; k++) {
              const at = (i * own.length + f) * WIDTH + k;
              let sum = 0;
              for (const id of feature[row] as number[]) {
                const weight = ((bases[first + f] as number) + id) * WIDTH + k;
                sum += before[weight] as number;
                expected[weight] = (expected[weight] as number) - (gradient[at] as number);
              }
              assert.ok(Math.abs((sums[at] as number) - sum) < 1e-5);
            }
          });
        });
        return { lookup, gradient };
      });
      learned.update(parts, 1);
      learned.table.weights.forEach((weight, i) => {
        assert.ok(Math.abs(weight - (expected[i] as number)) < 1e-4, `weight ${i}: ${weight}`);
      });
    }),
    { numRuns: 100 },
  );
});
