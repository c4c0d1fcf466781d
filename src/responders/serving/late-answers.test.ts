import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics, Deadline } from '#platform';
import { ManualClock } from '#platform/testing';
import type { Recommender, Selection } from '../recommender.ts';
import { type AnswerRequest, noDetails } from '../request.ts';
import type { VersionsFollower } from '../versions/versions-follower.ts';
import type { ViewStore } from '../view-store/port.ts';
import { Serving } from './serving.ts';

const BUDGET_MS = 100;

/** One answer is made at a time, each in `makingMs`. */
function served(makingMs: number) {
  const clock = new ManualClock();
  const metrics = createMetrics();
  const made: Selection = {
    ...{ version: 'v', ranker: null, degraded: null },
    ...{ items: [], shown: [], candidates: [], dropped: [], judged: null },
  };
  const serving = new Serving({
    recommender: {
      select: () => clock.sleep(makingMs).then(() => made),
    } as Partial<Recommender> as Recommender,
    views: {
      watchUsers: () => () => {},
      watchItems: () => () => {},
      watchReplaced: () => () => {},
    } as Partial<ViewStore> as ViewStore,
    versions: { current: 'v', ranker: undefined } as Partial<VersionsFollower> as VersionsFollower,
    options: { concurrency: 1, cacheMs: 0 },
    clock,
    metrics,
  });
  const ask = async (userId: string) => {
    const request: AnswerRequest = {
      ...{ requestId: userId, recipient: { userId }, k: 1, details: noDetails, traceparent: undefined },
      ...{ deadline: Deadline.after(clock, BUDGET_MS), budgetMs: BUDGET_MS, isAdmitted: false },
    };
    try {
      return (await serving.select(request)).version;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  return { clock, metrics, ask };
}

describe('answers that are not there when their time is up', () => {
  it('are given late where they are being made', async () => {
    const { clock, ask } = served(1.4 * BUDGET_MS);
    const asked = ask('a');
    await clock.advance(2 * BUDGET_MS);
    assert.equal(await asked, 'v');
  });

  it('are refused where they take much longer, and where they have not had their turn', async () => {
    const { clock, metrics, ask } = served(1.6 * BUDGET_MS);
    const asked = ['a', 'b'].map((userId) => ask(userId));
    await clock.advance(BUDGET_MS);
    assert.equal(await asked[1], 'MR_RECOMMEND_OVERLOADED');
    await clock.advance(2 * BUDGET_MS);
    assert.equal(await asked[0], 'MR_RECOMMEND_OVERLOADED');
    assert.match(await metrics.render(), /recommend_shed_total\{reason="late"\} [23]/);
  });
});
