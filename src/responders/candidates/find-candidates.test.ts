import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createLogger, createMetrics, Deadline, FatalError, systemClock } from '#platform';
import { DegradedAnswers } from '../degradations.ts';
import { ItemPolicy } from '../filters/item-policy.ts';
import { RequestFilter } from '../filters/request-filter.ts';
import type { RecommendRequest } from '../request.ts';
import { itemNumber } from '../view-store/item-numbers.ts';
import { CandidateFinder } from './find-candidates.ts';
import type { Source } from './port.ts';

const kind = { id: 0, available: true, ageLimit: 0, countries: [], language: null, category: '' };

function requestWithin(ms: number): RecommendRequest {
  const facts = { classOf: () => kind, createdOf: () => 0 };
  const none = { consumed: [], current: null, deny: [], allow: null };
  return {
    ...{ requestId: 'r', userId: 'u', profile: null, recentItems: ['i'], favouriteCategories: [] },
    recentNumbers: Int32Array.of(itemNumber('i')),
    context: { device: null, country: null, language: null },
    moment: { hour: 0, weekday: 0, device: null, country: null, language: null, session_position: 0 },
    ...{ category: null, k: 2, now: 0 },
    filter: new RequestFilter({ ...none, policy: ItemPolicy.open, facts }),
    deadline: Deadline.after(systemClock, ms),
  };
}

const popular: Source = {
  name: 'popular',
  share: 0.5,
  fillsUp: true,
  find: () => ['a', 'b', 'c'].map((itemId) => ({ item: itemNumber(itemId), score: 1 })),
};
const shared = { share: 0.5, fillsUp: true } as const;
const failing: readonly (readonly [code: string, source: Source])[] = [
  [
    'MR_INVARIANT',
    {
      name: 'co_visited',
      ...shared,
      find: () => Promise.reject(new FatalError('MR_INVARIANT', 'it broke')),
    },
  ],
  ['MR_RECOMMEND_DEADLINE', { name: 'co_visited', ...shared, find: () => new Promise(() => {}) }],
];

for (const [code, broken] of failing) {
  for (const toRank of [undefined, 4]) {
    it(`a source that ends with ${code} is left out, and said, ${toRank ? 'with' : 'without'} a ranker`, async () => {
      const metrics = createMetrics();
      const logger = createLogger({ level: 'silent', name: 'test' });
      const finder = new CandidateFinder({ sources: [broken, popular], logger, metrics });
      const degradations = new DegradedAnswers(metrics).begin();
      const wanted = { version: undefined, toRank, toOrder: 2 };
      const { candidates } = await finder.find(requestWithin(200), wanted, degradations);
      assert.deepEqual(
        candidates.map(({ itemId }) => itemId),
        ['a', 'b'],
      );
      assert.equal(degradations.first, code);
    });
  }
}
