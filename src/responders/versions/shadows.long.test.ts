import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FatalError } from '#platform';
import { eventually } from '#platform/testing';
import type { Candidate, VersionStatus } from '#schemas';
import { ItemPolicy } from '../filters/item-policy.ts';
import { openWorld } from '../testing/world.ts';
import type { ScoredItem } from './compare-scores.ts';
import { Comparisons } from './comparisons.ts';
import { InForce, type Served } from './in-force.ts';
import type { ObservedAnswer } from './observed-answer.ts';
import { Shadows } from './shadows.ts';

type Fake = Served & { readonly score: () => Promise<readonly ScoredItem[]> };

const falling = [2, 1].map((score, place) => ({ itemId: `item-${place}`, score }));

function answer(requestId: string, userId = 'user-1'): ObservedAnswer {
  const exclusion = { policy: ItemPolicy.open, items: [] };
  const request = { userId, profile: null, context: null, recentItems: [], exclusion, k: 2, items: [] };
  return { requestId, request, retrieval: { version: 'production', scored: falling }, ranking: null };
}

/** Shadows whose versions score by `scores`, and how many claims each version has. */
async function opened(t: TestContext, scores: Readonly<Record<string, Fake['score']>>) {
  const world = await openWorld(t);
  const { metrics, clock, logger } = world;
  const claims = new Map<string, number>();
  const claim = (id: string, by: number) => void claims.set(id, (claims.get(id) ?? 0) + by);
  const load = async ({ version: id }: Pick<Candidate, 'version'>): Promise<Fake> => {
    claim(id, 1);
    return {
      id,
      acquire: () => claim(id, 1),
      release: () => claim(id, -1),
      died: new Promise(() => {}),
      retire: async () => claim(id, -1),
      score: scores[id] ?? (async () => falling),
    };
  };
  const loads = metrics.counter('loads_total', 'Loads.', ['outcome']);
  const served = metrics.gauge('served', 'Served.', ['version', 'role']);
  const roleOf = <R extends 'retrieval' | 'ranking'>(role: R) => ({
    role,
    staged: new InForce<Fake>({ role, load, clock, logger, loads, served, keepsBefore: false }),
    replayOf: ({ score }: Fake) => score,
  });
  const comparisons = new Comparisons(metrics);
  const shadows = await Shadows.open(
    { ...world, comparisons, share: 1 },
    roleOf('retrieval'),
    roleOf('ranking'),
  );
  t.after(() => shadows.close());
  const step = async (version: string, status: VersionStatus, staged: readonly string[]) => {
    const candidate = { version, role: 'retrieval' } as Candidate;
    const rest = { ts: 0, command_id: 'c', reason: null, actor: null, previous: null, gates: [] };
    shadows.note({ version, status, candidate, ...rest });
    shadows.update();
    await eventually(() => shadows.staged.join() === staged.join());
  };
  const counted = async (outcome: string) =>
    Number(
      new RegExp(`shadow_requests_total\\{outcome="${outcome}"\\} (\\d+)`).exec(
        await metrics.render(),
      )?.[1] ?? 0,
    );
  return { world, shadows, step, counted, comparisons, claims };
}

describe('shadows', () => {
  it('score what was answered, by the newest staged version, on a topic of their own', async (t) => {
    const rising = falling.map(({ itemId, score }) => ({ itemId, score: -score })).toReversed();
    const { world, shadows, step, counted, comparisons } = await opened(t, { newer: async () => rising });
    shadows.offer(answer('too-early'));
    await step('older', 'staged', ['older']);
    await step('newer', 'staged', ['newer']);
    shadows.offer(answer('r1'));
    await eventually(async () => (await counted('scored')) === 1);
    await eventually(async () => (await world.shadowScores()).length === 1);
    const [logged] = await world.shadowScores();
    assert.deepEqual(
      { ...logged, ts: 0 },
      {
        ...{ request_id: 'r1', ts: 0, role: 'retrieval', version: 'production', shadow: 'newer' },
        items: [
          { item_id: 'item-1', score: 1, shadow_score: -1 },
          { item_id: 'item-0', score: 2, shadow_score: -2 },
        ],
        ...{ overlap: 1, correlation: -1, difference: 3 },
      },
    );
    const [compared] = comparisons.all;
    assert.deepEqual([compared?.mode, compared?.version, compared?.requests], ['shadow', 'newer', 1]);
    assert.doesNotMatch(JSON.stringify(logged), /user-1/);
  });

  it('let go of a version that is promoted or archived while it scores, and take the one staged before', async (t) => {
    const scoring = Promise.withResolvers<readonly ScoredItem[]>();
    let asked = 0;
    const slow = () => {
      asked++;
      return scoring.promise;
    };
    const { world, shadows, step, claims } = await opened(t, { b: slow });
    await step('a', 'staged', ['a']);
    await step('b', 'staged', ['b']);
    shadows.offer(answer('r1'));
    await eventually(() => asked === 1);
    await step('b', 'promoted', ['a']);
    assert.equal(claims.get('b'), 1, 'held by the request that it scores');
    scoring.resolve(falling);
    await eventually(() => claims.get('b') === 0);
    await eventually(async () => (await world.shadowScores())[0]?.shadow === 'b');
    await step('a', 'archived', []);
    assert.equal(claims.get('a'), 0);
    shadows.offer(answer('r2'));
    await shadows.close();
    assert.equal((await world.shadowScores()).length, 1);
  });

  it('drop and count what does not fit behind one that hangs, and what it never answers', async (t) => {
    const { shadows, step, counted } = await opened(t, { hangs: () => new Promise(() => {}) });
    await step('hangs', 'staged', ['hangs']);
    for (let i = 0; i < 503; i++) shadows.offer(answer(`r${i}`));
    assert.equal(await counted('backlog-full'), 3);
    await eventually(async () => (await counted('late')) > 0);
  });

  it('count failures by code, scores that are not finite among them, and go on', async (t) => {
    const results: (() => Promise<readonly ScoredItem[]>)[] = [
      async () => {
        throw new FatalError('MR_INFERENCE_ENDED', 'killed');
      },
      async () => [{ itemId: 'item-0', score: Number.NaN }],
      async () => falling,
    ];
    const { world, shadows, step, counted } = await opened(t, { a: () => results.shift()?.() as never });
    await step('a', 'staged', ['a']);
    for (const id of ['r1', 'r2', 'r3']) shadows.offer(answer(id));
    await eventually(async () => (await counted('scored')) === 1);
    assert.deepEqual([await counted('MR_INFERENCE_ENDED'), await counted('MR_VERSION_CORRUPT')], [1, 1]);
    await eventually(async () => (await world.shadowScores())[0]?.request_id === 'r3');
  });

  it('forget the requests of a user that wait', async (t) => {
    const { world, shadows, step } = await opened(t, {});
    await step('a', 'staged', ['a']);
    shadows.offer(answer('r1', 'gone'));
    shadows.offer(answer('r2', 'stays'));
    shadows.forget('gone');
    await eventually(async () => (await world.shadowScores()).length > 0);
    assert.deepEqual(
      (await world.shadowScores()).map(({ request_id }) => request_id),
      ['r2'],
    );
  });

  it('count what the log does not take', async (t) => {
    const { world, shadows, step, counted } = await opened(t, {});
    await step('a', 'staged', ['a']);
    await world.log.close();
    shadows.offer(answer('r1'));
    await eventually(async () => (await counted('log-failed')) === 1);
  });
});
