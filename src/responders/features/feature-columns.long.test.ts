import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { crossKey, featureViews, type InputFeature, recordViews } from '#features';
import { eventually } from '#platform/testing';
import { item } from '../testing/tiny-model.ts';
import { interaction, openWorld, type TestWorld } from '../testing/world.ts';
import { itemNumber } from '../view-store/item-numbers.ts';
import type { FeatureReader } from './feature-reader.ts';
import { openFeatureReader } from './open-features.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** More users have rows than one. */
const USERS = ['u', 'other'];
/** In one category, in another, twice, and not in the catalogue. */
const ITEMS = ['i1', 'i2', 'i11', 'unknown', 'i3', 'i1'];

/** All features of one value. */
const features: readonly InputFeature[] = [...featureViews, ...recordViews].flatMap(
  ({ name: view, columns }) =>
    columns
      .filter(({ kind }) => !kind.endsWith('[]'))
      .map(({ name: feature, kind }) => ({ view, feature, isText: kind === 'string?' })),
);

async function metWorld(t: TestContext): Promise<TestWorld> {
  const world = await openWorld(t);
  const facts = { type: 'video' as const, tags: [], duration_ms: null, difficulty: null, created: 0 };
  await world.putItems(
    ITEMS.filter((id) => id.startsWith('i')).map((id) => item(id, { created: Date.now() - DAY_MS })),
  );
  for (const user of USERS) {
    const events = ['i1', 'i2', 'i4', 'i4'].map((id, n) => {
      const event = interaction(user, id, n === 1 ? 'impression' : 'click');
      return { ...event, item: { ...facts, category: item(id).category }, ts: event.ts - n * 5 * HOUR_MS };
    });
    for (const view of featureViews) {
      const byKey = Map.groupBy(
        events.filter((event) => view.filter(event)),
        (event) => view.key(event),
      );
      for (const [key, own] of byKey) await world.putRow(view, key, own);
    }
  }
  await world.putUser({
    ...{ user_id: 'u', age: 30, gender: 'other', occupation: null, country: 'DE', language: 'de' },
    created: Date.now() - 3 * DAY_MS,
  });
  return world;
}

async function opened(t: TestContext, world: TestWorld): Promise<FeatureReader> {
  const { reader, caughtUp, close } = await openFeatureReader(world);
  t.after(close);
  await caughtUp;
  return reader;
}

/** The same out of rows, which are finished for each reading. */
async function byRows(reader: FeatureReader, user: string | null, now: number) {
  const answer = await reader.read({ user, items: ITEMS, now, ofProduct: true });
  return features.map(({ view, feature, isText }) =>
    (answer.items ?? []).map((ofItem) => {
      const row = { ...answer.user, ...ofItem }[view];
      return row?.features[feature] ?? (isText ? null : Number.NaN);
    }),
  );
}

async function byColumns(reader: FeatureReader, user: string | null, now: number) {
  const { ts, columns } = await reader.columns({
    user,
    items: Int32Array.from(ITEMS, itemNumber),
    features,
    now,
  });
  assert.equal(ts, now);
  return columns.map((column) => Array.from<unknown>(column));
}

describe('features by columns', { timeout: 120_000 }, () => {
  it('are those of the rows, to the last bit, whenever rows were kept', async (t) => {
    const reader = await opened(t, await metWorld(t));
    const start = Date.now();
    // Later, earlier again, beyond windows, and one ms before the same.
    const laters = [0, 1, 7 * HOUR_MS, 3 * HOUR_MS, 31 * DAY_MS - 1, 31 * DAY_MS, 400 * DAY_MS, -2 * DAY_MS];
    for (const later of laters) {
      for (const user of [...USERS, 'nobody', null]) {
        assert.deepEqual(
          await byColumns(reader, user, start + later),
          await byRows(reader, user, start + later),
          `${user}, ${later} ms later`,
        );
      }
    }
  });

  it('follow what happens to items, and to the user with them', async (t) => {
    const world = await metWorld(t);
    const reader = await opened(t, world);
    const now = Date.now();
    const before = await byColumns(reader, 'u', now);
    await world.putItemRow('i3', [interaction('x', 'i3'), interaction('y', 'i3')]);
    await world.putItems([item('i2', { category: 'moved' }), item('unknown', { difficulty: 4 })]);
    for (const view of featureViews.filter(({ entity }) => entity === 'user-item')) {
      await world.putRow(view, crossKey('u', 'i3'), [interaction('u', 'i3')]);
    }
    await eventually(async () => {
      const after = await byColumns(reader, 'u', now);
      assert.deepEqual(after, await byRows(reader, 'u', now));
      const at = (name: string) => features.findIndex(({ view, feature }) => `${view}.${feature}` === name);
      return (
        after[at('item-features.clicks')]?.[4] === 2 &&
        after[at('item-profile.category')]?.[1] === 'moved' &&
        after[at('item-profile.difficulty')]?.[3] === 4 &&
        after[at('user-item-features.positives')]?.[4] === 1
      );
    });
    assert.notDeepEqual(before, await byColumns(reader, 'u', now));
  });

  it('count rows that are not there', async (t) => {
    const world = await metWorld(t);
    const reader = await opened(t, world);
    await byColumns(reader, 'u', Date.now());
    const text = await world.metrics.render();
    const counts: Readonly<Record<string, number>> = {
      // Of i11, unknown and i3.
      'item-features': 3,
      'item-profile': 1,
      // Nothing is known of u with i11, unknown and i3.
      'user-item-features': 3,
    };
    for (const [view, count] of Object.entries(counts)) {
      assert.match(text, new RegExp(`feature_missing_total\\{view="${view}"\\} ${count}\n`), view);
    }
  });
});
