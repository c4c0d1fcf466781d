import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type Topic, writeRecords } from '#engine';
import {
  type AnyView,
  asOfRows,
  crossKey,
  defineView,
  type Entity,
  newest,
  sum,
  userFeaturesView,
} from '#features';
import { eventually } from '#platform/testing';
import type { FeatureViewStatus, Interaction, ViewState } from '#schemas';
import { redisServer } from '#servers';
import { type OpenedView, openViewTopic } from '#topologies';
import { item } from '../testing/tiny-model.ts';
import { interaction, openWorld, type TestWorld } from '../testing/world.ts';
import type { ViewStore } from '../view-store/port.ts';
import { removeDroppedView } from '../view-store/redis/dropped-view.ts';
import { ownNamespace, redisViews } from '../view-store/redis/testing/redis-views.ts';
import { RedisViewStore } from '../view-store/redis/view-store.ts';
import { RedisViewWriter } from '../view-store/redis/view-writer.ts';
import { openFeatureReader } from './open-features.ts';

const HOUR_MS = 3_600_000;
const EPOCH_MS = 1_735_689_600_000;

/** Counts events, as `features` times as much as there are. */
function declared(name: string, version: number, entity: Entity, times = 1): AnyView {
  return defineView({
    name,
    version,
    entity,
    owner: 'tests',
    description: 'Counts events.',
    tags: [],
    filter: () => true,
    key: ({ user_id }) => user_id,
    ttlMs: 30 * 24 * HOUR_MS,
    featureTtlMs: { lately: HOUR_MS },
    aggregations: { events: sum((_: Interaction) => times), last: newest<Interaction>() },
    row: { events: 'long', lately: 'long' },
    updated: ({ last }) => last,
    finish: ({ events }) => ({ events, lately: events }),
  });
}

const trends = declared('user-trends', 1, 'user');
const newTrends = declared('user-trends', 2, 'user', 10);
const pairs = declared('user-pairs', 1, 'user-item');
const itemTrends = declared('item-trends', 1, 'item');
const userFeatures = declared(userFeaturesView.name, userFeaturesView.version + 1, 'user', 100);
const views = [trends, newTrends, pairs, itemTrends, userFeatures];

const two = [interaction('u', 'i1'), interaction('u', 'i1')].map((event) => ({ ...event, ts: EPOCH_MS }));

type Setting = {
  readonly world: TestWorld;
  readonly modules: readonly OpenedView[];
  /** Puts the row of the two events of a key. */
  put(view: AnyView, key: string): Promise<void>;
  remove(view: AnyView, key: string): Promise<void>;
  note(view: AnyView, status: FeatureViewStatus, declaration?: string): Promise<void>;
};

async function setting(t: TestContext): Promise<Setting> {
  const world = await openWorld(t);
  const { log, topics } = world;
  const open = async (view: AnyView) => ({ view, topic: await openViewTopic(log, log.registry, view) });
  const modules = await Promise.all(views.map(open));
  const topicOf = (view: AnyView) =>
    modules.find((each) => each.view === view)?.topic as Topic<string, ViewState>;
  return {
    world,
    modules,
    put: (view, key) => {
      const rows = asOfRows(view);
      const row = two.reduce((before, event) => rows.insert(before, event), rows.empty());
      return writeRecords(log, topicOf(view), [{ key, value: rows.toViewState(row), timestamp: EPOCH_MS }]);
    },
    remove: (view, key) => writeRecords(log, topicOf(view), [{ key, value: null, timestamp: EPOCH_MS }]),
    note: ({ name, version, entity, owner, description, declaration }, status, other = declaration) => {
      const value = { name, version, entity, owner, description, declaration: other, status, ts: EPOCH_MS };
      return writeRecords(log, topics['feature-views'], [
        { key: `${name}-${version}`, value, timestamp: EPOCH_MS },
      ]);
    },
  };
}

const unknown = { code: 'MR_FEATURES_UNKNOWN_VIEW', remedy: 'fix-input' };

/** What readers see while versions come, go live, retire and are dropped. */
async function lives(t: TestContext, { world, modules, put, remove, note }: Setting, store?: ViewStore) {
  await world.putItems([item('i1')]);
  await world.putUserRow('u', two);
  for (const view of [trends, newTrends, userFeatures]) await put(view, 'u');
  await put(pairs, crossKey('u', 'i1'));
  await put(itemTrends, 'i1');
  const featureTtlMs = { 'user-pairs.events': 2 * HOUR_MS };
  const opened = await openFeatureReader({ ...world, modules, featureTtlMs, ...(store && { views: store }) });
  t.after(() => opened.close());
  await opened.caughtUp;
  const { reader } = opened;
  const ask = (names: readonly string[] | undefined, user = 'u', now = EPOCH_MS + 1_000) =>
    reader.read({ user, items: ['i1'], now, ...(names && { views: names }) });
  const ofUser = async (name: string, user = 'u') => (await ask([name], user)).user?.[name];

  // Being built, a view is there for nobody yet.
  await note(trends, 'building');
  await assert.rejects(ask(['user-trends']), unknown);
  await assert.rejects(ask(['user-trends-1']), unknown);
  assert.deepEqual(Object.keys((await ask(undefined)).user ?? {}), ['user-features', 'user-profile']);
  assert.equal((await ofUser('user-features'))?.features.events, 2);

  for (const view of [trends, pairs, itemTrends]) await note(view, 'live');
  // Noted last of the three, it is known last.
  await eventually(async () => Object.keys((await ask(undefined)).items?.[0] ?? {}).includes('item-trends'));
  await eventually(async () => (await ofUser('user-trends'))?.found === true);
  const fresh = { features: { events: 2, lately: 2 }, found: true, freshness_ms: 1_000, expired: [] };
  assert.deepEqual(await ofUser('user-trends'), fresh);
  assert.deepEqual(await ofUser('user-trends-1'), fresh);
  const nobody = { features: { events: 0, lately: 0 }, found: false, freshness_ms: null, expired: [] };
  assert.deepEqual(await ofUser('user-trends', 'nobody'), nobody);
  const [ofItem] = (await ask(['user-pairs', 'item-trends'])).items ?? [];
  assert.deepEqual(ofItem, { 'user-pairs': fresh, 'item-trends': fresh });
  const [late] = (await ask(['user-pairs', 'item-trends'], 'u', EPOCH_MS + 3 * HOUR_MS)).items ?? [];
  assert.deepEqual(
    late?.['user-pairs']?.expired.toSorted(),
    ['events', 'lately'],
    'by declaration and configuration',
  );
  assert.deepEqual(
    [late?.['item-trends']?.features, late?.['item-trends']?.expired],
    [{ events: 2, lately: 0 }, ['lately']],
  );

  // A newer version takes over while the reader is open; the old one stays readable until it is dropped.
  await note(newTrends, 'live');
  await note(trends, 'retired');
  await eventually(async () => (await ofUser('user-trends'))?.features.events === 20);
  assert.equal((await ofUser('user-trends-1'))?.features.events, 2);
  assert.equal((await ofUser('user-trends-2'))?.features.events, 20);
  await note(trends, 'dropped');
  await eventually(() =>
    ofUser('user-trends-1').then(
      () => false,
      () => true,
    ),
  );
  await assert.rejects(ofUser('user-trends-1'), unknown);

  // So may one that has the name of a view of the product, which goes on to be what models read.
  await note(userFeatures, 'live', 'declared otherwise');
  await note(itemTrends, 'retired');
  assert.equal((await ask(['item-trends'])).items?.[0]?.['item-trends']?.found, true, 'it is kept up');
  await note(itemTrends, 'dropped');
  await eventually(async () => !Object.keys((await ask(undefined)).items?.[0] ?? {}).includes('item-trends'));
  assert.equal(
    (await ofUser('user-features'))?.features.events,
    2,
    'rows of another declaration answer nothing',
  );
  await note(userFeatures, 'live');
  await eventually(async () => (await ofUser('user-features'))?.features.events === 200);
  assert.equal((await ofUser(`user-features-${userFeaturesView.version}`))?.features.events, 2);
  const { context } = await reader.read({
    user: 'u',
    context: { device: null, country: null, language: null },
    now: EPOCH_MS + 1_000,
  });
  assert.equal(context?.session_position, 2, 'of the row of the product');
  const forModel = await reader.read({ user: 'u', views: ['user-features'], ofProduct: true, now: EPOCH_MS });
  assert.equal(forModel.user?.['user-features']?.features.events, 2);

  await remove(newTrends, 'u');
  await eventually(async () => (await ofUser('user-trends'))?.found === false);
}

describe('views of modules online', { timeout: 120_000 }, () => {
  it('answer as those of the product do, from the memory of the process', async (t) => {
    await lives(t, await setting(t));
  });

  it('answer as those of the product do, from Redis, and leave nothing there when they are dropped', async (t) => {
    const redis = await redisServer(t);
    if (redis === undefined) return;
    const given = await setting(t);
    const { world, modules } = given;
    const url = ownNamespace(redis.url);
    const views = await redisViews(t, world, url);
    await views.writer();
    const writers: RedisViewWriter[] = [];
    const writer = async (module: OpenedView) => {
      const opened = await RedisViewWriter.openModule({ url }, world, module);
      writers.push(opened);
      t.after(() => opened.close());
    };
    for (const module of modules) await writer(module);
    const store = await RedisViewStore.open({ url }, world, world.topics, modules);
    await lives(t, given, store);

    for (const each of writers) await each.close();
    const before = await views.keysBelow('/');
    assert.ok(before.some((key) => key.includes('/user-trends-1:')));
    await removeDroppedView({ url }, world, trends);
    await removeDroppedView({ url }, world, trends);
    const left = await views.keysBelow('/');
    assert.deepEqual(
      left,
      before.filter((key) => !key.includes('/user-trends-1:')),
    );
    assert.ok(left.some((key) => key.includes('/user-trends-2:')));
  });

  it('are recommended by as little as before: the model reads the version that it was trained with', async (t) => {
    const { world, modules, put, note } = await setting(t);
    await world.putItems([item('i1'), item('i2')]);
    await world.putUserRow('u', two);
    const responder = await world.responder({ modules });
    const before = await responder.recommend('u');
    await put(userFeatures, 'u');
    await note(userFeatures, 'live');
    await eventually(async () => {
      const { user } = await responder.features.read({ user: 'u', now: EPOCH_MS + 1_000 });
      return user?.['user-features']?.features.events === 200;
    });
    assert.deepEqual((await responder.recommend('u')).items, before.items);
    assert.deepEqual(
      before.items.map(({ item_id }) => item_id),
      ['i2'],
      'what was seen is left out',
    );
  });
});
