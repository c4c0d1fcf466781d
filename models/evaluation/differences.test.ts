import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { pairedBootstrap } from './bootstrap.ts';
import { evaluationDifferences } from './differences.ts';
import { drawNegatives } from './negatives.ts';
import { evaluate } from './ranking.ts';

const heldOut = new Map([
  [1, [0]],
  [2, [1]],
  [5, [2]],
]);
const ranked = (order: readonly number[]) =>
  evaluate((_user, k) => order.slice(0, k), { items: 3, k: 1, heldOut, seen: new Map() });

test('differences are of the same users, metric by metric, and signed', () => {
  const [first, second] = [ranked([0, 1, 2]), ranked([0, 2, 1])];
  const options = () => ({ random: seededRandom(3), resamples: 200 });
  const none = evaluationDifferences(first, second, options());
  assert.deepEqual(none.recall, { mean: 0, low: 0, high: 0 }, 'at 1 both find the same');
  const [all, nothing] = [
    evaluate((user) => [...(heldOut.get(user) ?? [])], { items: 3, k: 1, heldOut, seen: new Map() }),
    ranked([]),
  ];
  const better = evaluationDifferences(all, nothing, options());
  assert.deepEqual(better.ndcg, { mean: 1, low: 1, high: 1 });
  assert.deepEqual(evaluationDifferences(nothing, all, options()).map, { mean: -1, low: -1, high: -1 });
  const some = evaluationDifferences(first, nothing, options());
  assert.deepEqual(
    some.recall,
    pairedBootstrap(first.perUser.recall, nothing.perUser.recall, {
      ...options(),
    }),
  );
  assert.ok(Math.abs(some.recall.mean - 1 / 3) < 1e-12);
});

test('evaluations of other users are not compared', () => {
  const other = evaluate(() => [0], { items: 3, k: 1, heldOut: new Map([[1, [0]]]), seen: new Map() });
  const another = evaluate(() => [0], {
    items: 3,
    k: 1,
    heldOut: new Map([...heldOut].map(([user, items]) => [user + 1, items])),
    seen: new Map(),
  });
  for (const wrong of [other, another]) {
    assert.throws(() => evaluationDifferences(ranked([0]), wrong, { random: seededRandom(1) }), {
      code: 'MR_EVALUATION_PAIRS',
    });
  }
});

test('negatives are as many as requested, distinct, and nothing that the user had or is to find', () => {
  const sets = fc.dictionary(
    fc.constantFrom('0', '1', '2', '7'),
    fc.uniqueArray(fc.nat(19), { maxLength: 6 }),
  );
  const asItemSets = (of: Record<string, number[]>) =>
    new Map(Object.entries(of).map(([user, items]) => [Number(user), items]));
  fc.assert(
    fc.property(sets, sets, fc.nat(8), fc.nat(), (out, had, count, seed) => {
      const input = { items: 20, heldOut: asItemSets(out), seen: asItemSets(had) };
      const negatives = drawNegatives(input, count, seededRandom(seed));
      assert.deepEqual(
        [...negatives.keys()],
        [...input.heldOut.keys()]
          .filter((user) => input.heldOut.get(user)?.length !== 0)
          .sort((a, b) => a - b),
      );
      for (const [user, items] of negatives) {
        const drawn = new Set(items);
        assert.equal(drawn.size, count);
        assert.ok(
          drawn.isDisjointFrom(
            new Set([...(input.heldOut.get(user) ?? []), ...(input.seen.get(user) ?? [])]),
          ),
        );
        assert.ok([...drawn].every((item) => item >= 0 && item < 20));
      }
      assert.deepEqual(drawNegatives(input, count, seededRandom(seed)), negatives);
    }),
  );
});

test('a user who has had nearly all is refused, and not sampled for ever', () => {
  const input = { items: 5, heldOut: new Map([[3, [0]]]), seen: new Map([[3, [1, 2]]]) };
  assert.deepEqual(drawNegatives(input, 2, seededRandom(1)).get(3)?.toSorted(), Int32Array.of(3, 4));
  assert.throws(() => drawNegatives(input, 3, seededRandom(1)), { code: 'MR_EVALUATION_NEGATIVES' });
});
