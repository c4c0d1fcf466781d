import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { evaluateSampled, evaluateScores } from './protocol.ts';
import { type Metrics, metricNames, rankingMetrics } from './ranking.ts';
import { heldOutAmong, longTail, segmentOf } from './segments.ts';
import { expectedMetrics, groupsAuc, tiedGroups } from './ties.ts';

/** All orders of the positions that the scores allow, best first. */
function orders(scores: readonly number[]): number[][] {
  const permutations = (rest: readonly number[]): number[][] =>
    rest.length === 0
      ? [[]]
      : rest.flatMap((first) =>
          permutations(rest.filter((each) => each !== first)).map((tail) => [first, ...tail]),
        );
  const score = (position: number) => scores[position] as number;
  return permutations([...scores.keys()]).filter((order) =>
    order.every((position, place) => place === 0 || score(order[place - 1] as number) >= score(position)),
  );
}

// Few different scores, so that ties are many.
const ranking = fc.array(fc.tuple(fc.nat(2), fc.boolean()), { minLength: 1, maxLength: 6 });
const partsOf = (ranked: readonly (readonly [number, boolean])[]) => ({
  scores: ranked.map(([score]) => score),
  relevant: [...ranked.keys()].filter((position) => ranked[position]?.[1] === true),
});

function assertClose(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) < 1e-12, `${what}: ${actual}, not ${expected}`);
}

test('with ties each metric is its mean over all orders that the scores allow', () => {
  fc.assert(
    fc.property(ranking, fc.integer({ min: 1, max: 7 }), fc.nat(2), (ranked, k, unranked) => {
      const { scores, relevant } = partsOf(ranked);
      // Relevant items that are not ranked at all, such as those already seen, count in what was to be found.
      const wanted = new Set([...relevant, ...Array.from({ length: unranked }, (_, i) => 100 + i)]);
      const all = orders(scores).map((order) => rankingMetrics(order, wanted, k));
      const expected = expectedMetrics(tiedGroups(scores, relevant), wanted.size, k);
      for (const name of metricNames) {
        const mean = all.reduce((sum, metrics) => sum + metrics[name], 0) / all.length;
        assertClose(expected[name], mean, name);
      }
    }),
    { numRuns: 150 },
  );
});

test('metrics lie from 0 to 1; all but precision and the averages rise with k', () => {
  fc.assert(
    fc.property(ranking, (ranked) => {
      const { scores, relevant } = partsOf(ranked);
      const groups = tiedGroups(scores, relevant);
      const at = [1, 2, 3, 4, 5, 6, 7].map((k) => expectedMetrics(groups, relevant.length, k));
      for (const metrics of at) {
        for (const name of metricNames) assert.ok(metrics[name] >= 0 && metrics[name] <= 1 + 1e-12, name);
      }
      for (const name of ['recall', 'hitRate', 'mrr'] as const) {
        at.slice(1).forEach((metrics, i) => {
          assert.ok(metrics[name] >= (at[i] as Metrics)[name] - 1e-12, name);
        });
      }
    }),
  );
});

test('AUC of a ranking is the share of the pairs in order, ties a half', () => {
  fc.assert(
    fc.property(ranking, (ranked) => {
      const { scores, relevant } = partsOf(ranked);
      const others = [...scores.keys()].filter((position) => !relevant.includes(position));
      const points = relevant.flatMap((r) =>
        others.map((o) => (Math.sign((scores[r] as number) - (scores[o] as number)) + 1) / 2),
      );
      const expected =
        points.length === 0 ? 0.5 : points.reduce((sum, point) => sum + point, 0) / points.length;
      assertClose(groupsAuc(tiedGroups(scores, relevant), scores.length), expected, 'auc');
    }),
  );
});

test('a model that scores all alike gets what chance gets, wherever the held-out item is', () => {
  const input = { items: 50, ks: [10], seen: new Map([[0, [7]]]) };
  for (const item of [0, 30, 49]) {
    const { at, auc } = evaluateScores(() => new Float32Array(50), {
      ...input,
      heldOut: new Map([[0, [item]]]),
    });
    assertClose(at.get(10)?.mean.hitRate as number, 10 / 49, 'hit rate');
    assert.equal(auc.mean, 0.5);
  }
});

test('the full ranking leaves out what was seen; the sampled one ranks among the negatives alone', () => {
  const scores = new Map([
    [4, Float32Array.of(9, 8, 7, 6, 5, 4)],
    [2, Float32Array.of(1, 2, 3, 4, 5, 6)],
  ]);
  const scoreOf = (user: number) => scores.get(user) as Float32Array;
  const heldOut = new Map([
    [4, [3]],
    [2, [0, 5]],
    [3, []],
  ]);
  const full = evaluateScores(scoreOf, { items: 6, ks: [1, 3], heldOut, seen: new Map([[4, [0, 1]]]) });
  assert.deepEqual(full.at.get(1)?.users, Int32Array.of(2, 4));
  assert.deepEqual(full.at.get(1)?.perUser.recall, Float64Array.of(0.5, 0));
  assert.deepEqual(full.at.get(3)?.perUser.mrr, Float64Array.of(1, 1 / 2));
  assert.deepEqual(full.auc.perUser, Float64Array.of(1 / 2, 2 / 3));
  assert.deepEqual(full.lists, [Int32Array.of(5, 4, 3), Int32Array.of(2, 3, 4)]);

  const asked: number[][] = [];
  const sampled = evaluateSampled(
    (user, candidates) => {
      asked.push([user, ...candidates]);
      return Float32Array.from(candidates, (item) => scoreOf(user)[item] as number);
    },
    { ks: [1], heldOut: new Map([[4, [3]]]), negatives: new Map([[4, [5, 4, 5]]]) },
  );
  assert.deepEqual(asked, [[4, 3, 5, 4]]);
  assert.equal(sampled.at.get(1)?.mean.hitRate, 1);
});

test('a score that is not a number is refused', () => {
  const input = { items: 2, ks: [1], heldOut: new Map([[0, [1]]]), seen: new Map() };
  assert.throws(() => evaluateScores(() => [0, Number.NaN], input), { code: 'MR_MODEL_DIVERGED' });
});

test('segments: means of the users that are in, and of items in the long tail', () => {
  const heldOut = new Map([
    [1, [0]],
    [2, [1]],
    [3, [1]],
  ]);
  const evaluation = evaluateScores(() => [2, 1, 0], { items: 3, ks: [1], heldOut, seen: new Map() });
  const segment = segmentOf(evaluation.at.get(1) ?? assert.fail(), (user) => user < 3);
  assert.deepEqual([...segment.users], [1, 2]);
  assert.deepEqual(segment.perUser.recall, Float64Array.of(1, 0));
  assert.equal(segment.mean.recall, 0.5);

  assert.deepEqual([...longTail(Float64Array.of(1, 60, 1, 30, 8), 0.8)], [0, 2, 4]);
  assert.deepEqual([...longTail(Float64Array.of(5, 5, 5, 5), 0.5)], [], 'equals stay together');
  assert.deepEqual(
    [...heldOutAmong(heldOut, new Set([1]))],
    [
      [1, []],
      [2, [1]],
      [3, [1]],
    ],
  );
});
