import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { plainPlatform } from '../kernel/fallback.ts';
import { wasmPlatform } from '../kernel/wasm.ts';
import { ListOrder } from './list-order.ts';

const METRICS = ['inner-product', 'l2'] as const;

test('lists are taken by the score of their centroids, equal ones by number, however many are wanted', () => {
  // One great score among small ones puts all of these into one range; whole numbers make equal scores frequent.
  const coordinates = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(2 ** 40, -(2 ** 40)),
    fc.float({ min: -1, max: 1, noNaN: true }),
  );
  const problem = fc.record({
    centroids: fc.array(coordinates, { minLength: 1, maxLength: 200, size: 'max' }),
    query: fc.constantFrom(-1, 0, 0.5, 2),
    wanted: fc.integer({ min: 1, max: 250 }),
    metric: fc.constantFrom(...METRICS),
    platform: fc.constantFrom(wasmPlatform, plainPlatform),
  });
  fc.assert(
    fc.property(problem, ({ centroids, query, wanted, metric, platform }) => {
      const values = Float32Array.from(centroids);
      const order = ListOrder.of(values, 1, metric, platform);
      const { fround } = Math;
      const scores = Array.from(values, (x) =>
        metric === 'l2' ? 0 - fround(fround(query - x) ** 2) : fround(query * x) + 0,
      );
      const expected = [...scores.keys()].sort(
        (a, b) => (scores[b] as number) - (scores[a] as number) || a - b,
      );
      const asked = Float32Array.of(query);
      // A round is not to depend on what the one before has left, which took lists of another query in another way.
      for (const begun of [wanted, 1, wanted]) {
        order.begin(Float32Array.of(-query - 1), values.length);
        order.next();
        order.begin(Float32Array.of(-query - 1), 1);
        order.next();
        order.begin(asked, begun);
        const taken = Array.from(values, () => [order.next(), order.score]);
        assert.deepEqual(
          taken,
          expected.map((list) => [list, scores[list]]),
        );
        assert.equal(order.next(), -1);
      }
      assert.deepEqual([...order.all(asked)], expected);
    }),
  );
});

test('more lists than an order can tell apart are refused', () => {
  const tooMany = new Float32Array(2 ** 21 + 1);
  assert.throws(() => ListOrder.of(tooMany, 1, 'l2', wasmPlatform), { code: 'MR_INDEX_FULL' });
});
