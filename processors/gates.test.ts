import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Candidate } from '#schemas';
import { type GateOptions, judgeCandidate } from './gates.ts';

const candidate: Candidate = {
  version: 'v1',
  snapshot_id: 's1',
  model: 'two-tower',
  directory: 'versions/v1',
  dimension: 8,
  items: 10,
  protocol: 'test',
  metrics: { 'ndcg@10': 0 },
  popularity: { 'recall@10': 0, 'ndcg@10': 0 },
  decayed_popularity: {},
  role: 'retrieval',
  run_id: null,
  intervals: {},
  sizes: {},
  production: null,
};

it('a metric that is missing passes no gate, not even one of 0', () => {
  const { results } = judgeCandidate(candidate, null, { minimumLift: 1 });
  assert.deepEqual(
    results.map(({ metric, value, threshold, passed }) => [metric, value, threshold, passed]),
    [
      ['recall@10', null, 0, false],
      ['ndcg@10', 0, 0, true],
    ],
  );
});

it('a metric at exactly the least value passes, and anything below does not', () => {
  const below = (value: number) => value - Number.EPSILON;
  const passes = (metrics: Record<string, number>, gates: Omit<GateOptions, 'minimumLift'> = {}) => {
    const popularity = { 'recall@10': 0.25, 'ndcg@10': 0.125 };
    const judged = judgeCandidate({ ...candidate, metrics, popularity }, null, { minimumLift: 2, ...gates });
    return judged.results.every(({ passed }) => passed) && judged.rejection === null;
  };
  const exact = { 'recall@10': 0.5, 'ndcg@10': 0.25 };
  assert.ok(passes(exact));
  assert.ok(!passes({ ...exact, 'recall@10': below(0.5) }));
  assert.ok(!passes({ ...exact, 'ndcg@10': below(0.25) }));
  const minimum = { 'recall@100': 0.75 };
  assert.ok(passes({ ...exact, 'recall@100': 0.75 }, { minimum }));
  assert.ok(!passes({ ...exact, 'recall@100': below(0.75) }, { minimum }));
});

it('on so few rows that chance would decide, a least value gives way to popularity', () => {
  const minimum = { 'sampled-ndcg@10': 0.3 };
  const popularity = { 'sampled-ndcg@10': 0.15 };
  const judged = (value: number, half: number) => {
    const interval = { mean: value, low: value - half, high: value + half };
    const own = {
      metrics: { 'sampled-ndcg@10': value },
      popularity,
      intervals: { 'sampled-ndcg@10': interval },
    };
    return judgeCandidate({ ...candidate, ...own }, null, { minimumLift: 1, minimum });
  };
  const gateOf = (value: number, half: number) => {
    const [gate] = judged(value, half).results;
    return [gate?.gate, gate?.threshold, gate?.passed];
  };
  assert.deepEqual(gateOf(0.2, 0.031), ['few-rows', 0.15, true]);
  assert.deepEqual(gateOf(0.2, 0.029), ['minimum', 0.3, false]);
  assert.deepEqual(gateOf(0.14, 0.031), ['few-rows', 0.15, false]);
  assert.match(judged(0.14, 0.031).rejection ?? '', /gate few-rows: .* is 0\.1400, .*too few/);
  // Where popularity is above the least, that is enough.
  popularity['sampled-ndcg@10'] = 0.5;
  assert.deepEqual(gateOf(0.3, 0.031), ['few-rows', 0.3, true]);
});

it('the better of the two popularities is what a lift is measured by', () => {
  const metrics = { 'recall@10': 0.5, 'ndcg@10': 0.5 };
  for (const [popularity, decayed_popularity] of [
    [0.3, 0.1],
    [0.1, 0.3],
  ].map((values) => values.map((value) => ({ 'recall@10': value, 'ndcg@10': value })))) {
    const judged = judgeCandidate(
      {
        ...candidate,
        metrics,
        ...(popularity && { popularity }),
        ...(decayed_popularity && { decayed_popularity }),
      },
      null,
      { minimumLift: 2 },
    );
    assert.deepEqual(
      judged.results.map(({ threshold, passed }) => [threshold, passed]),
      [
        [0.6, false],
        [0.6, false],
      ],
    );
  }
});

it('a candidate may be as far below the version in force as the interval reaches, and no further', () => {
  const inForce = { ...candidate, version: 'v0' };
  const judged = (high: number) => {
    const difference = { mean: -0.1, low: -0.2, high };
    const production = { version: 'v0', metrics: {}, differences: { 'ndcg@10': difference } };
    const metrics = { 'recall@10': 1, 'ndcg@10': 1 };
    return judgeCandidate({ ...candidate, metrics, production } as Candidate, inForce, { minimumLift: 1 });
  };
  assert.equal(judged(0).rejection, null);
  assert.match(judged(-Number.MIN_VALUE).rejection ?? '', /gate production/);
});
