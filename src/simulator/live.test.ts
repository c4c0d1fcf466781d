import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError, createMetrics } from '#platform';
import { ManualClock } from '#platform/testing';
import type { Interaction } from '#schemas';
import { interest } from './agents.ts';
import { LiveAgents, type LiveOptions } from './live.ts';
import { hash, Random } from './random.ts';
import { createWorld } from './world.ts';

const ENDS_AT = 1_700_000_000_000;
const WORLD = createWorld({ seed: 5, users: 400, items: 300, days: 10, endsAt: ENDS_AT });
const IDS = WORLD.items().map(({ item_id }) => item_id);

/** Agents on a clock moved by hand; `published` is what the log has. */
function livingAgents(options: Partial<LiveOptions> = {}, seed = 1) {
  const clock = new ManualClock(ENDS_AT);
  const random = new Random(seed);
  const published: Interaction[] = [];
  let answers = 0;
  const agents = new LiveAgents({
    world: WORLD,
    clock,
    random: () => random.next(),
    eventsPerSecond: 50,
    recommend: async (_user, k) => ({ requestId: `r${++answers}`, items: someItems(random, k) }),
    publish: async (events) => {
      published.push(...events);
    },
    ...options,
  });
  return { agents, clock, published };
}

function someItems(random: Random, k: number): string[] {
  const first = random.below(IDS.length);
  return Array.from({ length: k }, (_, i) => IDS[(first + i * 7) % IDS.length] as string);
}

/** What a perfect model of an agent's taste would answer, of a third of the catalogue that changes each time. */
function tasteMatching(): LiveOptions['recommend'] {
  let answers = 0;
  return async (userId, k) => {
    answers++;
    const { tastes } = WORLD.agent(Number(userId.slice(1)) - 1);
    const items = WORLD.catalogue.entries
      .filter((_, index) => hash(answers, index) % 3 === 0)
      .map((entry) => ({ id: entry.item.item_id, liking: interest(tastes, entry) }))
      .sort((left, right) => right.liking - left.liking)
      .slice(0, k)
      .map(({ id }) => id);
    return { requestId: `t${answers}`, items };
  };
}

async function clickRate(options: Partial<LiveOptions>): Promise<number> {
  const { agents, clock } = livingAgents(options);
  agents.start();
  await clock.advance(120_000);
  await agents.stop();
  const { clicks, impressions } = agents.counts();
  assert.ok(impressions > 1_000);
  return clicks / impressions;
}

test('better answers show as a better click rate', async () => {
  const byChance = await clickRate({});
  const byTaste = await clickRate({ recommend: tasteMatching() });
  assert.ok(byTaste > 2 * byChance, `by taste ${byTaste}, by chance ${byChance}`);
});

test('events come at about the requested rate, in order, each tied to the answer that it follows', async () => {
  const answered = new Map<string, { user: string; items: string[] }>();
  const random = new Random(3);
  const { agents, clock, published } = livingAgents({
    recommend: async (user, k) => {
      const requestId = `r${answered.size}`;
      const items = someItems(random, k);
      answered.set(requestId, { user, items });
      return { requestId, items };
    },
  });
  agents.start();
  await clock.advance(300_000);
  const beforeStop = published.length;
  await agents.stop();
  assert.ok(Math.abs(beforeStop / 300 - 50) < 5, `${beforeStop / 300} events/s`);
  let before = 0;
  for (const { request_id, user_id, item_id, ts } of published) {
    const answer = answered.get(request_id ?? '');
    assert.ok(answer !== undefined && answer.user === user_id && answer.items.includes(item_id ?? ''));
    assert.ok(ts <= clock.now() && ts >= before - 100);
    before = Math.max(before, ts);
  }
  assert.equal(agents.counts().published, published.length);
});

test('event ids are unique, also across restarts at the same moment of the clock', async () => {
  const ids = new Set<string>();
  let total = 0;
  for (const seed of [1, 2]) {
    const { agents, clock, published } = livingAgents({}, seed);
    agents.start();
    await clock.advance(20_000);
    await agents.stop();
    total += published.length;
    for (const { event_id } of published) ids.add(event_id);
  }
  assert.ok(total > 1_000);
  assert.equal(ids.size, total);
});

test('a failing recommender is counted and asked ever more rarely, until it answers again', async () => {
  let failing = true;
  let asked = 0;
  const metrics = createMetrics();
  const { agents, clock, published } = livingAgents({
    metrics,
    recommend: async (_user, k) => {
      asked++;
      if (failing) throw new Error('no responder');
      return { requestId: 'r', items: IDS.slice(0, k) };
    },
  });
  agents.start();
  await clock.advance(10_000);
  const inTheFirstTenSeconds = asked;
  await clock.advance(60_000);
  const inTheNextMinute = asked - inTheFirstTenSeconds;
  assert.ok(inTheFirstTenSeconds >= 3 && inTheFirstTenSeconds / 10 > inTheNextMinute / 60);
  assert.equal(agents.counts().recommendFailures, asked);
  assert.equal(published.length, 0);
  failing = false;
  await clock.advance(60_000);
  await agents.stop();
  assert.ok(published.length > 0);
  assert.match(
    await metrics.render(),
    /millrace_simulator_troubles_total\{reason="recommend_failures"\} \d+/,
  );
});

test('what could not be published is published later, in order and only once', async () => {
  let calls = 0;
  const published: Interaction[] = [];
  const { agents, clock } = livingAgents({
    publish: async (events) => {
      if (calls++ % 3 !== 2) throw new Error('log away');
      published.push(...events);
    },
  });
  agents.start();
  await clock.advance(120_000);
  for (let attempt = 0; attempt < 3; attempt++) await clock.advance(30_000);
  const { publishFailures } = agents.counts();
  await agents.stop();
  assert.ok(publishFailures > 3);
  assert.ok(published.length > 1_000);
  assert.equal(agents.counts().published, published.length);
  assert.equal(new Set(published.map(({ event_id }) => event_id)).size, published.length);
  const sequence = new Map<string, number>();
  for (const { session_id, event_id } of published) {
    const number = Number.parseInt(event_id.split('-').at(-1) ?? '', 36);
    assert.equal(number, (sequence.get(session_id ?? '') ?? -1) + 1, `${event_id} follows the one before`);
    sequence.set(session_id ?? '', number);
  }
});

test('events that cannot be published before the end are counted as abandoned', async () => {
  const { agents, clock } = livingAgents({
    publish: () => Promise.reject(new Error('log away')),
  });
  agents.start();
  await clock.advance(30_000);
  await agents.stop();
  const { abandoned, published, publishFailures } = agents.counts();
  assert.ok(abandoned > 100 && publishFailures > 1);
  assert.equal(published, 0);
});

test('agents look past items that they do not know, and answers without items are not requested for ever', async () => {
  let asked = 0;
  const { agents, clock, published } = livingAgents({
    recommend: async () => ({ requestId: 'r', items: asked++ % 2 === 0 ? ['nowhere', 'i0', 'i1.0'] : [] }),
  });
  agents.start();
  await clock.advance(60_000);
  await agents.stop();
  assert.equal(published.length, 0);
  const { unknownItems, emptyAnswers, answers } = agents.counts();
  assert.ok(unknownItems > 0 && emptyAnswers > 0);
  assert.ok(answers <= 60 * 50 + 100, `${answers} answers at 50 events/s`);
});

test('stop ends everything: no more calls, no timer, and an answer that never comes does not hold it up', async () => {
  let calls = 0;
  const { agents, clock } = livingAgents({
    recommend: () => {
      calls++;
      return new Promise(() => {});
    },
  });
  agents.start();
  await clock.advance(5_000);
  const stopped = agents.stop();
  await clock.advance(2_000);
  await stopped;
  const before = calls;
  await clock.advance(60_000);
  assert.ok(before > 0);
  assert.equal(calls, before);
  assert.equal(clock.sleeping, 0);
});

test('agents that were never started stop as well, and are started once', async () => {
  const { agents } = livingAgents();
  await agents.stop();
  assert.throws(() => agents.start(), /started once/);
});

test('a rate that is none is refused', () => {
  for (const eventsPerSecond of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(
      () => livingAgents({ eventsPerSecond }),
      (error) => {
        return error instanceof ConfigurationError && error.code === 'MR_SIMULATOR_RATE';
      },
    );
  }
});
