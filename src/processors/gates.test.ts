import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Candidate } from '#schemas';
import { judgeCandidate } from './gates.ts';

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
