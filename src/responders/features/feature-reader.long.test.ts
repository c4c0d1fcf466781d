import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  type AnyView,
  asOfRows,
  contextFeatures,
  crossKey,
  type FeatureView,
  featureViews,
  itemFeaturesView,
  itemProfileView,
  popularityBucket,
  userFeaturesView,
  userItemFeaturesView,
  userProfileView,
} from '#features';
import { createMetrics, errorCode } from '#platform';
import { eventually } from '#platform/testing';
import type { Interaction, ItemFacts } from '#schemas';
import { redisServer } from '#servers';
import { item } from '../testing/tiny-model.ts';
import { interaction, openWorld, type TestWorld } from '../testing/world.ts';
import type { ViewStore } from '../view-store/port.ts';
import { ownNamespace, redisViews } from '../view-store/redis/testing/redis-views.ts';
import type { FeatureQuery, FeatureReader } from './feature-reader.ts';
import { type FeatureTtls, OnlineViews } from './online-views.ts';
import { openFeatureReader } from './open-features.ts';

const HOUR_MS = 3_600_000;
/** 2025-01-01, a Wednesday. */
const EPOCH_MS = 1_735_689_600_000;

describe('FeatureReader', { timeout: 120_000 }, () => {
  it('gives defaults where there is no row, and counts them', async (t) => {
    const world = await openWorld(t);
    await world.putItems([item('i1')]);
    const { reader } = await opened(t, world);
    const now = EPOCH_MS;
    const answer = await reader.read({ user: 'nobody', items: ['i1', 'unknown'], now });
    assert.equal(answer.ts, now);
    assert.deepEqual(Object.keys(answer.user ?? {}), ['user-features', 'user-profile']);
    const [ofItem, ofUnknown] = answer.items ?? [];
    for (const view of featureViews) {
      const row = { ...answer.user, ...ofItem }[view.name];
      assert.deepEqual(row, {
        features: view.finish(view.empty(), now),
        found: false,
        freshness_ms: null,
        expired: [],
      });
    }
    assert.equal(ofItem?.['item-profile']?.found, true);
    assert.deepEqual(ofUnknown?.['item-profile']?.features, itemProfileView.finish(null, now));
    assert.equal(ofUnknown?.['user-category-features'], null);
    assert.deepEqual(answer.user?.['user-profile']?.features, userProfileView.finish(null, now));
    const text = await world.metrics.render();
    for (const [view, count] of [
      ['user-features', 1],
      ['item-features', 2],
      ['user-item-features', 2],
      ['user-category-features', 1],
      ['item-profile', 1],
    ]) {
      assert.ok(text.includes(`feature_missing_total{view="${view}"} ${count}`), `${view}: ${text}`);
    }
  });

  it('knows nothing of a user without a name on the log', async (t) => {
    const world = await openWorld(t);
    await world.putItems([item('i1')]);
    const { reader } = await opened(t, world);
    const { user, items, context } = await reader.read({
      user: null,
      items: ['i1'],
      views: ['user-features', 'user-category-features', 'context'],
    });
    assert.equal(user?.['user-features']?.found, false);
    assert.equal(items?.[0]?.['user-category-features']?.found, false);
    assert.equal(context?.session_position, 0);
  });

  it('says how fresh a row is, by the clock of the world', async (t) => {
    const world = await openWorld(t);
    const events = [interaction('u', 'i1'), interaction('u', 'i2')].map((event, i) => ({
      ...event,
      ts: EPOCH_MS + i * 1_000,
    }));
    await world.putUserRow('u', events);
    const { reader } = await opened(t, world);
    const freshness = async (now?: number) => {
      const answer = await reader.read({ user: 'u', ...(now !== undefined && { now }) });
      return answer.user?.['user-features']?.freshness_ms;
    };
    assert.equal(await freshness(EPOCH_MS + 5_000), 4_000);
    // Ahead of the clock by what admission lets through.
    assert.equal(await freshness(EPOCH_MS), 0);
    // No watermark was announced, so the world's clock is the wall clock.
    assert.ok(((await freshness()) ?? 0) > 24 * HOUR_MS);
  });

  it('falls back to the default of a feature beyond its ttl, and counts it', async (t) => {
    const world = await openWorld(t);
    const events = [{ ...interaction('u', 'i1'), ts: EPOCH_MS }];
    await world.putUserRow('u', events);
    await world.putRow(userItemFeaturesView, crossKey('u', 'i1'), events);
    const ttls = { 'user-features.recent_items': 1_000, 'user-item-features.events': 2_000 };
    const { reader } = await opened(t, world, ttls);
    const read = async (now: number) => {
      const { user, items } = await reader.read({ user: 'u', items: ['i1'], now });
      return { user: user?.['user-features'], pair: items?.[0]?.['user-item-features'] };
    };
    const fresh = await read(EPOCH_MS + 1_000);
    assert.deepEqual([fresh.user?.features.recent_items, fresh.user?.expired], [['i1'], []]);
    const old = await read(EPOCH_MS + 1_001);
    assert.deepEqual([old.user?.features.recent_items, old.user?.expired], [[], ['recent_items']]);
    assert.deepEqual([old.user?.features.events, old.user?.found], [1, true]);
    assert.deepEqual([old.pair?.features.events, old.pair?.expired], [1, []]);
    const older = await read(EPOCH_MS + 2_001);
    assert.deepEqual([older.pair?.features.events, older.pair?.expired], [0, ['events']]);
    const text = await world.metrics.render();
    const counted = (view: string, feature: string) =>
      text.includes(`feature_expired_total{view="${view}",feature="${feature}"}`);
    assert.match(text, /feature_expired_total\{view="user-features",feature="recent_items"\} 2/);
    assert.match(text, /feature_expired_total\{view="user-item-features",feature="events"\} 1/);
    assert.ok(!counted('user-features', 'events'));
  });

  it('ranks items by popularity as they were ranked last', async (t) => {
    const world = await openWorld(t);
    const events = ['view', 'like'].map((kind, i) => ({
      ...interaction('u', 'known', kind as 'view'),
      ts: EPOCH_MS + i,
    }));
    await world.putItemRow('known', events);
    const { reader } = await opened(t, world);
    const ranks = async (now = EPOCH_MS + HOUR_MS) => {
      const { items } = await reader.read({
        items: ['known', 'unknown'],
        views: ['popularity-rank'],
        now,
      });
      return items?.map((rows) => rows['popularity-rank']);
    };
    const [unranked] = (await ranks()) ?? [];
    assert.deepEqual([unranked?.features, unranked?.found], [{ popularity_rank: null }, false]);
    const bucket = popularityBucket(stateOf(itemFeaturesView, events));
    assert.ok(bucket !== null);
    await world.putRanks(EPOCH_MS + HOUR_MS / 2, [bucket - 7, bucket - 1, bucket, bucket + 2]);
    await eventually(async () => (await ranks())?.[0]?.found === true);
    const [known, unknown] = (await ranks()) ?? [];
    assert.deepEqual([known?.features, known?.freshness_ms], [{ popularity_rank: 2.5 / 4 }, HOUR_MS / 2]);
    assert.deepEqual(unknown?.features, { popularity_rank: 0 });
    const [stale] = (await ranks(EPOCH_MS + 6.5 * HOUR_MS + 1)) ?? [];
    assert.deepEqual([stale?.features, stale?.expired], [{ popularity_rank: null }, ['popularity_rank']]);
  });

  it('refuses ttls of views and features that there are not, and says which there are', () => {
    const refused = (ttlMs: FeatureTtls, message: RegExp, hint: RegExp) =>
      assert.throws(
        () => new OnlineViews(ttlMs, createMetrics()),
        (error: Error & { hint?: string }) => {
          assert.equal(errorCode(error), 'MR_FEATURES_TTL');
          assert.match(error.message, message);
          assert.match(error.hint ?? '', hint);
          return true;
        },
      );
    refused({ 'users.events': 1 }, /"users\.events".*no view/, /user-features\.<feature>/);
    refused({ 'user-features.evnts': 1 }, /user-features has no such feature/, /user-features\.events/);
    refused({ 'user-features': 1 }, /no such feature/, /user-features\.events/);
  });

  it('refuses what it cannot read', async (t) => {
    const { reader } = await opened(t, await openWorld(t));
    const refused = (query: FeatureQuery, code: string, message: RegExp) =>
      assert.rejects(reader.read(query), { code, message, remedy: 'fix-input' });
    await refused({}, 'MR_FEATURES_ENTITY', /Neither a user nor items/);
    await refused({ user: 'u', views: ['users'] }, 'MR_FEATURES_UNKNOWN_VIEW', /no view "users"/);
    await refused({ user: 'u', views: ['item-features'] }, 'MR_FEATURES_ENTITY', /items must be named/);
    await refused({ items: ['i'], views: ['user-features'] }, 'MR_FEATURES_ENTITY', /a user must be named/);
    await refused({ items: ['i'], views: ['user-item-features'] }, 'MR_FEATURES_ENTITY', /a user and items/);
    await refused({ user: 'u', views: [] }, 'MR_FEATURES_REQUEST', /No view/);
    await refused({ items: [] }, 'MR_FEATURES_REQUEST', /empty/);
    await refused({ items: ['i', ''] }, 'MR_FEATURES_REQUEST', /An item id/);
    await refused({ user: 'a\u001fb' }, 'MR_PRIVACY_USER', /A user id/);
    await refused({ user: 'x'.repeat(129) }, 'MR_PRIVACY_USER', /A user id/);
    const items = Array.from({ length: 1_001 }, (_, i) => `i${i}`);
    await refused({ items }, 'MR_FEATURES_REQUEST', /1001 items/);
    assert.equal((await reader.read({ items: items.slice(1) })).items?.length, 1_000);
  });

  it('gives what an example of the same moment would hold', async (t) => {
    const world = await openWorld(t);
    await sameAsExample(world, (await opened(t, world)).reader);
  });

  it('gives what an example of the same moment would hold, from Redis', async (t) => {
    const redis = await redisServer(t);
    if (redis === undefined) return;
    const world = await openWorld(t);
    const views = await redisViews(t, world, ownNamespace(redis.url));
    await views.writer();
    const { reader } = await opened(t, world, {}, await views.store());
    await sameAsExample(world, reader);
  });
});

async function opened(t: TestContext, world: TestWorld, featureTtlMs: FeatureTtls = {}, views?: ViewStore) {
  const features = await openFeatureReader({ ...world, featureTtlMs, ...(views && { views }) });
  t.after(() => features.close());
  await features.caughtUp;
  return features;
}

/**
 * Writes the rows of two users with seven items in two categories, and compares all features of each of them, and of one
 * who is new, with the views' own rows as of a moment.
 */
async function sameAsExample(world: TestWorld, reader: FeatureReader): Promise<void> {
  const items = Array.from({ length: 8 }, (_, i) => `i${i}`);
  const events = eventsOn(items);
  const now = (events.at(-1)?.ts ?? 0) + 90_000;
  await world.putItems(items.map((id) => item(id)));
  const rows = new Map(featureViews.map((view) => [view.name, rowsOf(view, events)]));
  for (const view of featureViews) {
    for (const [key, ofKey] of rows.get(view.name) ?? []) await world.putRow(view, key, ofKey);
  }
  const expected = (view: AnyView, key: string): unknown => {
    const asOf = asOfRows(view);
    const inserted = (rows.get(view.name)?.get(key) ?? []).reduce(
      (row, event) => asOf.insert(row, event),
      asOf.empty(),
    );
    return view.finish(asOf.stateAsOf(inserted, now), now);
  };
  const context = { device: 'tv', country: 'DE', language: null } as const;
  const isThere = async () => {
    const last = await reader.read({ user: 'u2', items, views: ['user-item-features', 'item-features'] });
    return last.items?.slice(0, 7).every((row) => Object.values(row).every((each) => each?.found)) === true;
  };
  await eventually(isThere);
  for (const user of ['u1', 'u2', 'newcomer']) {
    const answer = await reader.read({ user, items, now, context });
    assert.deepEqual(answer.user?.['user-features']?.features, expected(userFeaturesView, user));
    for (const [i, id] of items.entries()) {
      for (const view of featureViews.filter(({ entity }) => entity !== 'user')) {
        const other = view.entity === 'user-category' ? item(id).category : id;
        const key = view.entity === 'item' ? id : crossKey(user, other);
        const row = answer.items?.[i]?.[view.name];
        assert.deepEqual(row?.features, expected(view, key), `${view.name} of ${user} and ${id}`);
      }
      const profile = answer.items?.[i]?.['item-profile'];
      assert.deepEqual(profile?.features, itemProfileView.finish(item(id), now));
    }
    const { session_position } = expected(userFeaturesView, user) as { session_position: number };
    assert.equal(session_position > 0, user === 'u2', user);
    assert.deepEqual(answer.context, contextFeatures({ ts: now, context }, session_position));
  }
}

/** Of u1 and u2 on all items but the last, with growing gaps, and as their admission would have them. */
function eventsOn(items: readonly string[]): Interaction[] {
  const kinds = ['impression', 'view', 'click', 'like', 'skip', 'rating', 'complete'] as const;
  return Array.from({ length: 90 }, (_, n) => {
    const itemId = items[(n * 5) % 7] as string;
    const { type, category, tags, duration_ms, difficulty, created } = item(itemId);
    const event = interaction(n % 2 === 0 ? 'u1' : 'u2', itemId, kinds[(n * 11) % 7]);
    const facts: ItemFacts = { type, category, tags, duration_ms, difficulty, created };
    return { ...event, value: 3, ts: EPOCH_MS + n * n * 60_000, item: facts };
  });
}

function stateOf<State, Row>(view: FeatureView<State, Row>, events: readonly Interaction[]): State {
  return events.reduce((state, event) => view.add(state, event), view.empty());
}

/** The events of each key of a view. */
function rowsOf(view: AnyView, events: readonly Interaction[]): Map<string, readonly Interaction[]> {
  return Map.groupBy(events.filter(view.filter), view.key);
}
