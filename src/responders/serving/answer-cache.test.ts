import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '#platform/testing';
import { AnswerCache } from './answer-cache.ts';

const TTL_MS = 1_000;

function opened(ttlMs = TTL_MS) {
  const clock = new ManualClock();
  const state = { epoch: 'v1', made: 0 };
  const cache = new AnswerCache<string>({
    clock,
    ttlMs,
    epoch: () => state.epoch,
    isLasting: (answer) => !answer.startsWith('poor'),
  });
  const ask = async (owner: string, request: string, prefix = 'answer') => {
    const { origin, answer } = cache.obtain(owner, request, async () => {
      const number = ++state.made;
      await clock.sleep(10);
      if (prefix === 'broken') throw new Error('broken');
      return `${prefix} ${number}`;
    });
    return `${origin}: ${await answer}`;
  };
  /** Asks and lets time go on until there is an answer. */
  const told = async (owner: string, request: string, prefix?: string) => {
    const [answer] = await Promise.all([ask(owner, request, prefix), clock.advance(10)]);
    return answer;
  };
  return { clock, state, cache, ask, told };
}

describe('the cache of answers', () => {
  it('repeats an answer for its time, counted from its beginning', async () => {
    const { clock, told } = opened();
    assert.equal(await told('u1', 'k=10'), 'made: answer 1');
    await clock.advance(TTL_MS - 30);
    assert.equal(await told('u1', 'k=10'), 'cached: answer 1');
    await clock.advance(10);
    assert.equal(await told('u1', 'k=10'), 'made: answer 2');
  });

  it('tells owners and requests apart', async () => {
    const { told } = opened();
    await told('u1', 'k=10');
    assert.equal(await told('u1', 'k=11'), 'made: answer 2');
    assert.equal(await told('u2', 'k=10'), 'made: answer 3');
    assert.equal(await told('u1', 'k=10'), 'cached: answer 1');
  });

  it('makes one answer for equal requests at the same time, without a time to keep it too', async () => {
    for (const ttlMs of [TTL_MS, 0]) {
      const { clock, ask, cache } = opened(ttlMs);
      const asked = Promise.all([ask('u1', 'k=10'), ask('u1', 'k=10'), ask('u1', 'k=10')]);
      await clock.advance(10);
      assert.deepEqual(await asked, ['made: answer 1', 'joined: answer 1', 'joined: answer 1']);
      assert.equal(cache.size, ttlMs === 0 ? 0 : 1);
    }
  });

  it('gives neither an answer made nor one begun before a change to those who ask after it', async () => {
    const { clock, cache, ask, told } = opened();
    await told('u1', 'k=10');
    await told('u2', 'k=10');
    cache.forget('u1');
    assert.equal(await told('u2', 'k=10'), 'cached: answer 2');
    const before = ask('u1', 'k=10');
    await clock.advance(5);
    cache.forget('u1');
    const after = ask('u1', 'k=10');
    await clock.advance(10);
    assert.deepEqual([await before, await after], ['made: answer 3', 'made: answer 4']);
    assert.equal(await told('u1', 'k=10'), 'cached: answer 4');
  });

  it('keeps nothing over a change of what all depend on, not even what was being made', async () => {
    const { clock, state, ask, told } = opened();
    await told('u1', 'k=10');
    const begun = ask('u2', 'k=10');
    state.epoch = 'v2';
    await clock.advance(10);
    await begun;
    assert.equal(await told('u1', 'k=10'), 'made: answer 3');
    assert.equal(await told('u2', 'k=10'), 'made: answer 4');
  });

  it('keeps neither failures nor answers that are poorer than they should be', async () => {
    const { told, cache } = opened();
    await assert.rejects(told('u1', 'k=10', 'broken'), /broken/);
    assert.equal(await told('u1', 'k=10', 'poor'), 'made: poor 2');
    assert.equal(await told('u1', 'k=10'), 'made: answer 3');
    assert.equal(cache.size, 1);
  });

  it('has a bound, and lets the oldest go first', async () => {
    const { clock, ask, cache } = opened();
    const asked = Promise.all(Array.from({ length: 4_500 }, (_, i) => ask(`u${i}`, 'k=10')));
    await clock.advance(10);
    await asked;
    assert.ok(cache.size <= 4_000);
    const newest = ask('u4499', 'k=10');
    const oldest = ask('u0', 'k=10');
    await clock.advance(10);
    assert.deepEqual([await newest, await oldest], ['cached: answer 4500', 'made: answer 4501']);
  });

  it('drops expired answers when others are requested', async () => {
    const { clock, told, cache } = opened();
    for (const user of ['u1', 'u2', 'u3']) await told(user, 'k=10');
    await clock.advance(TTL_MS);
    await told('u4', 'k=10');
    assert.equal(cache.size, 1);
  });
});
