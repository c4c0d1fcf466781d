import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import {
  type AnyView,
  categoryOf,
  type FeatureView,
  itemFeaturesView,
  popularityBucket,
  RankHistogram,
  userCategoryFeaturesView,
  userFeaturesView,
  userItemFeaturesView,
} from '#features';
import { decodeRanks } from '#processors';
import type { Example, ExampleCorrection, Interaction } from '#schemas';
import { event, HOUR_MS, MINUTE_MS, NOW, openLoop, startingExamples, worlds } from './testing/loop-driver.ts';
import { runWorld, type World } from './testing/loop-world.ts';

/** The row of some events, by the view's own algebra. */
function rowOf<State, Row>(view: FeatureView<State, Row>, events: readonly Interaction[], now: number): Row {
  return view.finish(
    events.filter((each) => view.filter(each)).reduce((state, each) => view.add(state, each), view.empty()),
    now,
  );
}

const sameUser = (a: { user_id: string }) => (b: { user_id: string }) => a.user_id === b.user_id;
const sameItem = (a: { item_id: string }) => (b: Interaction) => a.item_id === b.item_id;

function assertAsOf(example: Example, all: readonly Interaction[]): void {
  const before = all.filter(({ ts }) => ts < example.ts);
  const ofUser = before.filter(sameUser(example));
  const category = example.facts?.category;
  assert.deepEqual(example.user, rowOf(userFeaturesView, ofUser, example.ts));
  assert.deepEqual(example.item, rowOf(itemFeaturesView, before.filter(sameItem(example)), example.ts));
  assert.deepEqual(example.pair, rowOf(userItemFeaturesView, ofUser.filter(sameItem(example)), example.ts));
  const inCategory = ofUser.filter((each) => categoryOf(each) === category);
  const expected = category === undefined ? null : rowOf(userCategoryFeaturesView, inCategory, example.ts);
  assert.deepEqual(example.category, expected);
}

it('hold exactly the events strictly before their own, of user, category, item and pair', async () => {
  const anyBatch = fc.integer({ min: 1, max: 20 });
  await fc.assert(
    fc.asyncProperty(worlds(), anyBatch, async (events, batchRecords) => {
      const world = await runWorld(events, { batchRecords });
      const expected = startingExamples(world.accepted);
      assert.deepEqual(
        world.examples.map(({ event_id }) => event_id),
        expected.map(({ event_id }) => event_id),
      );
      for (const [i, example] of world.examples.entries()) {
        assert.equal(example.ts, expected[i]?.ts);
        assert.deepEqual(example.facts, expected[i]?.item);
        assertAsOf(example, world.accepted);
      }
    }),
    { numRuns: 12 },
  );
});

/** The histogram of all items by the events before `ts`, and the place of one item in it. */
function ranksAt(ts: number, all: readonly Interaction[]) {
  const histogram = RankHistogram.empty();
  for (const item_id of new Set(all.map((each) => each.item_id))) {
    const bucket = item_id === null ? null : bucketAt(ts, item_id, all);
    if (bucket !== null) histogram.add(bucket);
  }
  return histogram;
}

function bucketAt(ts: number, item_id: string, all: readonly Interaction[]): number | null {
  const before = all.filter((each) => each.item_id === item_id && each.ts < ts);
  return popularityBucket(
    before.reduce((state, each) => itemFeaturesView.add(state, each), itemFeaturesView.empty()),
  );
}

it('know the item’s rank as last published before them, from all items’ events before that hour', async () => {
  let ranked = 0;
  await fc.assert(
    fc.asyncProperty(worlds({ late: false, maxLength: 80 }), async (events) => {
      const world = await runWorld(events);
      const published = world.ranks.map(decodeRanks);
      const hours = [
        ...new Set(world.accepted.map(({ ts }) => Math.ceil((ts + 1) / HOUR_MS) * HOUR_MS)),
      ].sort();
      for (const hour of hours) {
        const newest = published.findLast(({ ts }) => ts <= hour)?.histogram ?? RankHistogram.empty();
        assert.deepEqual(newest, ranksAt(hour, world.accepted), `${hour}`);
      }
      for (const { ts } of published)
        assert.ok(hours.includes(ts), 'an hour without events publishes nothing');
      for (const example of world.examples) {
        const newest = published.findLast(({ ts }) => ts <= example.ts);
        const bucket = bucketAt(example.ts, example.item_id, world.accepted);
        const expected = bucket === null ? 0 : newest?.histogram.percentile(bucket);
        assert.equal(example.popularity_rank, newest === undefined ? null : expected);
        if (expected !== undefined && expected !== null && expected > 0) ranked++;
      }
    }),
    { numRuns: 12 },
  );
  assert.ok(ranked > 0, 'no example had a rank');
});

it('are the same bytes however the input is cut into batches and wherever the tasks start again', async () => {
  const cut = fc.record({ batchRecords: fc.integer({ min: 1, max: 7 }), restartAfter: fc.nat(60) });
  await fc.assert(
    fc.asyncProperty(worlds(), cut, async (events, { batchRecords, restartAfter }) => {
      const whole = await runWorld(events);
      const other = await runWorld(events, { batchRecords, cacheEntries: 3 }, restartAfter);
      assert.deepEqual(other.bytes, whole.bytes);
      assert.deepEqual(other.ranks, whole.ranks);
      const byUser = (all: readonly ExampleCorrection[]) =>
        all.toSorted((a, b) => (a.user_id < b.user_id ? -1 : a.user_id > b.user_id ? 1 : 0));
      assert.deepEqual(byUser(other.corrections), byUser(whole.corrections));
    }),
    { numRuns: 8 },
  );
});

it('leak nothing: whatever happens at or after a time, features as of then keep their bytes', async () => {
  const value = (await openLoopValue()).encode;
  const featureBytes = (world: World, until: number) =>
    world.examples
      .filter(({ ts }) => ts <= until)
      .map((example) => [example.event_id, value({ ...example, labels: null }).toString('hex')]);
  const quiet = { late: false };
  const changes = fc.record({ pick: fc.nat(), instead: worlds(quiet), seed: fc.nat() });
  await fc.assert(
    fc.asyncProperty(worlds(quiet), changes, async (events, { pick, instead, seed }) => {
      fc.pre(events.length > 0);
      const until = (events[pick % events.length] as Interaction).ts;
      const past = events.filter(({ ts }) => ts < until);
      const present = events.filter(({ ts }) => ts === until);
      // Those of that very moment come in another order and with others between them; the future is another one.
      const shuffled = present.toSorted((a, b) => (rank(a, seed) < rank(b, seed) ? -1 : 1));
      const others = instead.map((each, i) => {
        const ts = Math.max(each.ts, until) + (i % 2);
        return { ...each, event_id: `other ${i}`, ts };
      });
      const changed = [...shuffled, ...others].toSorted((a, b) => a.ts - b.ts);
      const expected = featureBytes(await runWorld(events), until);
      const found = new Map(featureBytes(await runWorld([...past, ...changed]), until) as [string, string][]);
      for (const [id, bytes] of expected as [string, string][]) assert.equal(found.get(id), bytes, id);
    }),
    { numRuns: 10 },
  );
});

it('have expired what a responder with the same ttls would not have read any more', async () => {
  const ttls = {
    'user-features.session_items': 10 * MINUTE_MS,
    'item-features.popularity': 10 * MINUTE_MS,
    'user-category-features.events': 10 * MINUTE_MS,
    'user-item-features.events': 10 * MINUTE_MS,
    'popularity-rank.popularity_rank': HOUR_MS,
  };
  const own = (name: string) =>
    Object.fromEntries(
      Object.entries(ttls).flatMap(([key, ms]) => {
        const [view = '', feature = ''] = key.split('.');
        return view === name ? [[feature, ms]] : [];
      }),
    );
  const [user, item, category, pair] = [
    userFeaturesView,
    itemFeaturesView,
    userCategoryFeaturesView,
    userItemFeaturesView,
  ].map((view) => (view as AnyView).withFeatureTtls(own(view.name))) as [AnyView, AnyView, AnyView, AnyView];
  const at = (id: string, minutes: number) =>
    event(id, NOW - 20 * HOUR_MS + minutes * MINUTE_MS, { item_id: 'i' });
  const events = [at('e0', 0), at('e1', 5), at('e2', 65), at('e3', 70), at('e4', 600)];
  const world = await runWorld(events, {}, undefined, ttls);
  const declared = await runWorld(events);
  let expired = 0;
  for (const [i, example] of world.examples.entries()) {
    const before = world.accepted.filter(({ ts }) => ts < example.ts);
    const rows = [user, item, category, pair].map((view) => rowOf(view, before, example.ts));
    assert.deepEqual([example.user, example.item, example.category, example.pair], rows);
    if (JSON.stringify(example) !== JSON.stringify(declared.examples[i])) expired++;
  }
  assert.equal(world.examples.length, events.length);
  assert.equal(expired, 2, 'those after a pause of an hour and of nine');
  assert.deepEqual(
    world.examples.map(({ popularity_rank }) => popularity_rank === null),
    [true, true, false, false, true],
  );
});

function rank({ event_id }: Interaction, seed: number): number {
  return (Number(event_id.slice(1)) * 7919 + seed) % 101;
}

async function openLoopValue() {
  const loop = await openLoop();
  await loop.driver.close();
  return loop.topics.examples.value;
}
