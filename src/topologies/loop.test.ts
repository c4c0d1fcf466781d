import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { type DriverOptions, TopologyDriver } from '#engine/testing';
import { isPositive, itemFeaturesView, userFeaturesView } from '#features';
import type { Candidate, Interaction } from '#schemas';
import { loopTopology } from './loop.ts';
import { openTopics, type Topics } from './topics.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 0, 10);
const LATENESS_MS = 10_000;

type Loop = {
  readonly driver: TopologyDriver;
  readonly topics: Topics;
  readonly outcomes: Record<string, number>;
};

async function openLoop(t?: TestContext, options: DriverOptions = {}): Promise<Loop> {
  let topics: Topics | undefined;
  const outcomes: Record<string, number> = {};
  const count = (outcome: string) => {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  };
  const driver = await TopologyDriver.open(
    async (log) => {
      topics = await openTopics(log, log.registry);
      const admission = { latenessMs: LATENESS_MS, dedupHorizonMs: 24 * HOUR_MS, futureMs: 300_000, count };
      return loopTopology(topics, log.registry, { admission, gate: { minimumLift: 1 } });
    },
    { wallClockMs: NOW, ...options },
  );
  t?.after(() => driver.close());
  return { driver, topics: topics as Topics, outcomes };
}

function event(id: string, ts: number, overrides: Partial<Interaction> = {}): Interaction {
  const context = { device: null, country: null, language: null };
  const ids = { event_id: id, user_id: 'u', item_id: 'i', session_id: null, request_id: null };
  return { ...ids, kind: 'view', value: null, watch_ms: null, context, ts, original_ts: null, ...overrides };
}

async function publish({ driver, topics }: Loop, ...events: Interaction[]): Promise<void> {
  await driver.pipe(topics.interactions, ...events.map((each) => [each.user_id, each, each.ts] as const));
  await driver.settle();
}

const accepted = async ({ driver, topics }: Loop) =>
  (await driver.read(topics['interactions-accepted'])).map(({ value }) => value as Interaction);

describe('admission', () => {
  it('lets an event id of a user through once, over a restart, for 24 hours of event time', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW - 30 * HOUR_MS), event('a', NOW - 30 * HOUR_MS));
    await loop.driver.restart({ keepStores: false });
    await publish(loop, event('a', NOW - 29 * HOUR_MS), event('a', NOW - 7 * HOUR_MS));
    await publish(loop, event('b', NOW - 5 * HOUR_MS), event('a', NOW - HOUR_MS));
    const ids = (await accepted(loop)).map(({ event_id }) => event_id);
    assert.deepEqual(ids, ['a', 'b', 'a'], 'the last one comes 29 hours after the first');
    assert.equal(loop.outcomes.duplicate, 3);
  });

  it('does not confuse two users’ events of one id', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW), event('a', NOW, { user_id: 'v' }));
    assert.equal((await accepted(loop)).length, 2);
  });

  it('moves a late event up to the watermark and keeps its own time', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW - HOUR_MS), event('b', NOW - 2 * HOUR_MS));
    const [, late] = await accepted(loop);
    assert.equal(late?.ts, NOW - HOUR_MS - LATENESS_MS);
    assert.equal(late?.original_ts, NOW - 2 * HOUR_MS);
    assert.equal(loop.outcomes.clamped, 1);
  });

  it('is not led astray by an event from the future', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW), event('future', NOW + 400 * 24 * HOUR_MS));
    await publish(loop, event('b', NOW + 1_000), event('c', NOW + 2_000));
    assert.deepEqual(
      (await accepted(loop)).map(({ event_id }) => event_id),
      ['a', 'b', 'c'],
    );
  });

  it('remembers an event as long as its twin would not be too late', async (t) => {
    const loop = await openLoop(t);
    const first = NOW - 48 * HOUR_MS;
    const second = first + 24 * HOUR_MS + LATENESS_MS / 2;
    await publish(loop, event('a', first), event('b', second), event('a', first));
    assert.deepEqual(
      (await accepted(loop)).map(({ event_id }) => event_id),
      ['a', 'b'],
    );
    assert.equal(loop.outcomes.duplicate, 1);
  });

  it('refuses what is too late, from the future, invalid or under a wrong key, each with its reason', async (t) => {
    const loop = await openLoop(t);
    await publish(
      loop,
      event('good', NOW),
      event('old', NOW - 25 * HOUR_MS),
      event('future', NOW + HOUR_MS),
      event('no item', NOW, { item_id: null }),
      event('rating', NOW, { kind: 'rating', value: 6 }),
      event('rating', NOW, { kind: 'rating' }),
      event('country', NOW, { context: { device: null, country: 'Germany', language: null } }),
      event('', NOW),
      event('watch', NOW, { watch_ms: -1 }),
    );
    await loop.driver.pipe(loop.topics.interactions, ['other', event('key', NOW), NOW]);
    await loop.driver.settle();
    assert.deepEqual(
      (await accepted(loop)).map(({ event_id }) => event_id),
      ['good'],
    );
    const reasons = (await loop.driver.readDeadLetters()).map(({ value }) => value?.reason).sort();
    const invalid = Array.from({ length: 7 }, () => 'MR_EVENT_INVALID');
    assert.deepEqual(reasons, ['MR_EVENT_FUTURE', ...invalid, 'MR_EVENT_TOO_LATE']);
  });
});

const user = fc.constantFrom('u', 'v', 'w');
const item = fc.constantFrom('i', 'j', 'k', null);
const kind = fc.constantFrom('impression', 'view', 'click', 'complete', 'skip', 'search', 'rating' as const);
const interactions = fc.array(fc.tuple(user, item, kind, fc.nat(40)), { maxLength: 60 }).map((all) =>
  all
    .filter(([, itemId, eventKind]) => itemId !== null || eventKind === 'search')
    .toSorted(([, , , a], [, , , b]) => a - b)
    .map(([userId, itemId, eventKind, second], i) =>
      event(`e${i}`, NOW - HOUR_MS + second * 1_000, {
        user_id: userId,
        item_id: itemId,
        kind: eventKind as Interaction['kind'],
        value: eventKind === 'rating' ? 1 + (i % 5) : null,
      }),
    ),
);

describe('examples', () => {
  it('hold exactly the events strictly before their own, of user and item alike', async () => {
    await fc.assert(
      fc.asyncProperty(interactions, fc.integer({ min: 1, max: 20 }), async (events, batchRecords) => {
        const loop = await openLoop(undefined, { batchRecords });
        await publish(loop, ...events);
        await loop.driver.announce(loop.topics.interactions, NOW);
        await loop.driver.settle();
        const examples = (await loop.driver.read(loop.topics.examples)).map(({ value }) => value);
        const expected = events.filter(isPositive);
        assert.deepEqual(
          examples.map((example) => example?.event_id).sort(),
          expected.map((e) => e.event_id).sort(),
        );
        for (const example of examples) {
          assert.ok(example);
          const before = events.filter(({ ts }) => ts < example.ts);
          const ofUser = before.filter(({ user_id }) => user_id === example.user_id);
          const ofItem = before.filter(({ item_id }) => item_id === example.item_id);
          const userState = ofUser.reduce(userFeaturesView.add, userFeaturesView.empty());
          const itemState = ofItem.reduce(itemFeaturesView.add, itemFeaturesView.empty());
          assert.deepEqual(example.user, userFeaturesView.finish(userState, example.ts));
          assert.deepEqual(example.item, itemFeaturesView.finish(itemState, example.ts));
        }
        await loop.driver.close();
      }),
      { numRuns: 30 },
    );
  });

  it('wait for the watermark, and carry the user’s profile', async (t) => {
    const loop = await openLoop(t);
    const profile = { age: 30, gender: 'female', occupation: 'artist', country: 'FR' } as const;
    const ann = { user_id: 'u', language: null, created: 0, ...profile };
    await loop.driver.pipe(loop.topics.users, ['u', ann, 0]);
    await publish(loop, event('a', NOW - 5_000));
    assert.deepEqual(await loop.driver.read(loop.topics.examples), []);
    await loop.driver.announce(loop.topics.interactions, NOW);
    await loop.driver.settle();
    const [example] = await loop.driver.read(loop.topics.examples);
    assert.deepEqual(example?.value?.profile, profile);
  });
});

describe('versions', () => {
  const metrics = (value: number) => ({ 'recall@10': value, 'ndcg@10': value });
  const candidate = (version: string, reached: number): Candidate => ({
    version,
    snapshot_id: 's',
    model: 'two-tower',
    directory: `versions/${version}`,
    dimension: 8,
    items: 10,
    protocol: 'per-user-last-20%',
    metrics: metrics(reached),
    popularity: metrics(0.1),
    decayed_popularity: metrics(0.12),
  });
  const command = (id: string, reported: Candidate) => {
    return [id, { command_id: id, ts: NOW, kind: 'publish', seed: null, candidate: reported }, NOW] as const;
  };

  it('promote what beats both popularities, reject the rest with the reason, and decide once', async (t) => {
    const { driver, topics } = await openLoop(t);
    await driver.pipe(
      topics.commands,
      command('1', candidate('good', 0.13)),
      command('2', candidate('bad', 0.11)),
    );
    await driver.pipe(topics.commands, command('3', candidate('good', 0.01)));
    await driver.settle();
    const events = (await driver.read(topics.versions)).map(({ value }) => value);
    assert.deepEqual(
      events.map((version) => [version?.version, version?.status]),
      [
        ['good', 'registered'],
        ['good', 'evaluated'],
        ['good', 'promoted'],
        ['bad', 'registered'],
        ['bad', 'evaluated'],
        ['bad', 'rejected'],
      ],
    );
    assert.match(events.at(-1)?.reason ?? '', /recall@10 is 0.1100, popularity reaches 0.1200/);
  });
});
