import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics, FatalError, type Logger, RetryableError, systemClock } from '#platform';
import { ItemPolicy } from '../filters/item-policy.ts';
import { Comparisons } from './comparisons.ts';
import { proveVersion } from './prove-version.ts';
import { type RecordedRequest, RecordedRequests } from './recorded-requests.ts';
import type { Replay } from './replay.ts';

const items = ['a', 'b', 'c', 'd'];

function request(userId: string): RecordedRequest {
  const exclusion = { policy: ItemPolicy.open, items: [] };
  return { userId, profile: null, context: null, recentItems: [], exclusion, k: 4, items };
}

/** Proves versions by eight requests. */
function proving() {
  const recorded = new RecordedRequests();
  for (let i = 0; i < 8; i++) recorded.add(`user-${i}`, () => request(`user-${i}`));
  const metrics = createMetrics();
  const comparisons = new Comparisons(metrics);
  const lines: object[] = [];
  const logger = { info: (fields: object) => void lines.push(fields) } as unknown as Logger;
  const prove = (replay: Replay, inUse?: Replay) =>
    proveVersion({ recorded, comparisons, clock: systemClock, logger }, 'ranking', {
      version: { id: 'new', replay },
      inUse: inUse && { id: 'old', replay: inUse },
    });
  return { recorded, comparisons, metrics, lines, prove };
}

const scoring =
  (score: (place: number, userId: string) => number): Replay =>
  async ({ items, userId }) =>
    items.map((itemId, place) => ({ itemId, score: score(place, userId) }));
const falling = scoring((place) => -place);

describe('proving a version', () => {
  it('replays every recorded request, and says how it agrees: a metric, and a line without ids of users', async () => {
    const { prove, comparisons, metrics, lines } = proving();
    const users = new Set<string>();
    await prove(async (each) => {
      users.add(each.userId);
      return (await falling(each)).map(({ itemId, score }) => ({ itemId, score: score - 2 }));
    }, falling);
    assert.equal(users.size, 8);
    const ids = { role: 'ranking', version: 'new', production: 'old', mode: 'swap' };
    const agreement = { requests: 8, overlap: 1, correlation: 1, difference: 2 };
    assert.deepEqual(comparisons.all, [{ ...ids, ...agreement }]);
    assert.deepEqual(lines, [{ ...ids, ...agreement }]);
    assert.doesNotMatch(JSON.stringify(lines), /user-/);
    const labels = 'role="ranking",mode="swap",version="new",production="old",measure="difference"';
    assert.ok((await metrics.render()).includes(`millrace_version_agreement{${labels}} 2`));
  });

  it('refuses scores that are not finite, and versions that throw', async () => {
    const { prove, comparisons } = proving();
    const wrong = scoring((place, user) => (user === 'user-7' && place === 2 ? Number.NaN : place));
    await assert.rejects(prove(wrong, falling), { code: 'MR_VERSION_CORRUPT', message: /item c with NaN/ });
    const throwing = async () => {
      throw new FatalError('MR_INFERENCE_ENDED', 'killed');
    };
    await assert.rejects(prove(throwing, falling), { code: 'MR_INFERENCE_ENDED' });
    assert.deepEqual(comparisons.all, []);
  });

  it('refuses scores that are all alike, unless those of the version in use are, too, or there are too few', async () => {
    const { prove, recorded } = proving();
    const constant = scoring(() => 0.5);
    await assert.rejects(prove(constant, falling), { code: 'MR_VERSION_CORRUPT', message: /alike/ });
    await assert.rejects(prove(constant), { code: 'MR_VERSION_CORRUPT' });
    await prove(
      constant,
      scoring(() => 7),
    );
    await prove(
      scoring((_, user) => Number(user.slice(5))),
      falling,
    );
    for (let i = 0; i < 5; i++) recorded.forget(`user-${i}`);
    await prove(constant, falling);
  });

  it('blames no version for rows that are out of reach, nor for the failures of the one in use', async () => {
    const { prove, comparisons } = proving();
    await prove(async () => {
      throw new RetryableError('MR_REDIS_UNAVAILABLE', 'gone');
    }, falling);
    await prove(falling, async () => {
      throw new FatalError('MR_INFERENCE_ENDED', 'killed');
    });
    assert.deepEqual(comparisons.all, []);
  });
});

describe('recorded requests', () => {
  it('are as many as it keeps, some of the newer ones in the place of the oldest, without those of users who are forgotten', () => {
    const recorded = new RecordedRequests();
    const users = () => new Set(recorded.all().map(({ userId }) => userId));
    for (let i = 0; i < 200; i++) recorded.add(`user-${i}`, () => request(`user-${i}`));
    const first = Array.from({ length: 55 }, (_, i) => `user-${9 + i}`);
    const newer = Array.from({ length: 9 }, (_, i) => `user-${64 + 16 * i}`);
    assert.deepEqual(users(), new Set([...first, ...newer]));
    recorded.forget('user-192');
    recorded.forget('user-40');
    recorded.add('user-200', () => request('user-200'));
    recorded.add('user-201', () => request('user-201'));
    assert.equal(recorded.all().length, 64);
    assert.ok(!users().has('user-192') && !users().has('user-40') && users().has('user-201'));
    recorded.add('user-202', () => request('user-202'));
    assert.equal(recorded.all().length, 64);
  });
});
