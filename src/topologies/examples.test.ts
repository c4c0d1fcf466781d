import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { DriverOptions } from '#engine/testing';
import {
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
import type { Example, ExampleCorrection, Interaction, Labels, PopularityRanks } from '#schemas';
import {
  accepted,
  catalogue,
  corrections,
  event,
  examples,
  goOnTo,
  HOUR_MS,
  MINUTE_MS,
  NOW,
  openLoop,
  publish,
  publishItems,
  ranks,
  startingExamples,
  WINDOW_MS,
  worlds,
} from './testing/loop-driver.ts';

type World = {
  readonly accepted: readonly Interaction[];
  readonly examples: readonly Example[];
  readonly corrections: readonly ExampleCorrection[];
  readonly ranks: readonly PopularityRanks[];
  readonly bytes: readonly string[];
};

/** Runs events through the loop to the end of all windows; restarts the tasks after `restartAfter` of them. */
async function run(
  events: readonly Interaction[],
  options: DriverOptions = {},
  restartAfter?: number,
): Promise<World> {
  const loop = await openLoop(undefined, options);
  await publishItems(loop, ...catalogue);
  if (restartAfter !== undefined) {
    await publish(loop, ...events.slice(0, restartAfter));
    await loop.driver.restart({ keepStores: restartAfter % 2 === 0 });
  }
  await publish(loop, ...events.slice(restartAfter ?? 0));
  await goOnTo(loop, NOW + 3 * HOUR_MS);
  assert.deepEqual(await loop.driver.readDeadLetters(), []);
  const all = await examples(loop);
  const world = {
    accepted: await accepted(loop),
    examples: all,
    corrections: await corrections(loop),
    ranks: await ranks(loop),
    bytes: all.map((example) => loop.topics.examples.value.encode(example).toString('hex')),
  };
  await loop.driver.close();
  return world;
}

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
      const world = await run(events, { batchRecords });
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

const ownTime = ({ ts, original_ts }: Interaction) => original_ts ?? ts;

/** Labels as the issue of them says, over the events given. */
function labelsOf(own: Interaction, events: readonly Interaction[]): Labels {
  const within = events
    .filter(sameUser(own))
    .filter(({ item_id }) => item_id === own.item_id)
    .filter((each) => ownTime(each) >= ownTime(own) && ownTime(each) <= ownTime(own) + WINDOW_MS);
  const has = (kind: string) => within.some((each) => each.kind === kind);
  const numbers = (kind: string) =>
    within
      .filter((each) => each.kind === kind)
      .sort((a, b) => ownTime(a) - ownTime(b))
      .map(({ value }) => value as number);
  const watched = within.flatMap(({ watch_ms }) => (watch_ms === null ? [] : [watch_ms]));
  const duration = own.item?.duration_ms ?? null;
  const purchases = numbers('purchase');
  return {
    click: has('click'),
    complete: has('complete'),
    like: has('like'),
    watch_fraction:
      duration === null || watched.length === 0 ? null : Math.min(1, Math.max(...watched) / duration),
    rating: numbers('rating').at(-1) ?? null,
    purchase_value: purchases.length === 0 ? null : purchases.reduce((sum, each) => sum + each, 0),
  };
}

it('have the labels of their window, and in the end those of all that happened in it', async () => {
  let corrected = 0;
  await fc.assert(
    fc.asyncProperty(worlds(), async (events) => {
      const world = await run(events);
      for (const own of startingExamples(world.accepted)) {
        const example = world.examples.find(({ event_id }) => event_id === own.event_id);
        const inTime = world.accepted.filter(({ ts }) => ts <= own.ts + WINDOW_MS);
        assert.deepEqual(example?.labels, labelsOf(own, inTime));
        const last = world.corrections.findLast(({ event_id }) => event_id === own.event_id);
        assert.deepEqual(last?.labels ?? example?.labels, labelsOf(own, world.accepted));
        if (last === undefined) continue;
        corrected++;
        const { event_id, user_id, item_id, ts } = own;
        assert.deepEqual({ ...last, labels: null }, { event_id, user_id, item_id, ts, labels: null });
      }
    }),
    { numRuns: 12 },
  );
  assert.ok(corrected > 0, 'no world had an outcome that came late');
});

it('tell of a click that came after the window though it had happened within it', async (t) => {
  const loop = await openLoop(t);
  await publishItems(loop, ...catalogue);
  const at = NOW - 4 * HOUR_MS;
  await publish(
    loop,
    event('shown', at, { kind: 'impression' }),
    event('early', at - 1, { kind: 'like' }),
    event('watched', at + MINUTE_MS, { watch_ms: 4_000 }),
    event('other', at + MINUTE_MS, { kind: 'like', item_id: 'j' }),
  );
  await goOnTo(loop, at + 2 * HOUR_MS);
  const none = { click: false, complete: false, like: false, rating: null, purchase_value: null };
  const shown = async () => (await examples(loop)).find(({ event_id }) => event_id === 'shown')?.labels;
  assert.deepEqual(await shown(), { ...none, watch_fraction: 0.4 });
  await publish(loop, event('late', at + 2 * MINUTE_MS, { kind: 'click' }));
  await publish(loop, event('too late', at + WINDOW_MS + 1, { kind: 'complete' }));
  await publish(loop, event('no news', at + 3 * MINUTE_MS, { kind: 'impression' }));
  const found = (await corrections(loop)).filter(({ event_id }) => event_id === 'shown');
  assert.deepEqual(
    found.map(({ labels }) => labels),
    [{ ...none, click: true, watch_fraction: 0.4 }],
  );
});

it('know their place in the answer that showed the item, and the propensity it had there', async (t) => {
  const loop = await openLoop(t);
  const at = NOW - 4 * HOUR_MS;
  const served = (item_id: string, propensity: number | null) => {
    return { item_id, score: 1, source: 'index', propensity } as const;
  };
  const answer = { request_id: 'r', user_id: 'u', ts: at, version: null, k: 2, latency_ms: 1 };
  const items = [served('j', 1), served('i', 0.25)];
  await loop.driver.pipe(loop.topics.answers, ['u', { ...answer, items }, at]);
  await publish(
    loop,
    event('a', at + 1, { kind: 'impression', request_id: 'r' }),
    event('b', at + 2, { kind: 'impression', request_id: 'r', item_id: 'k' }),
    event('c', at + 3, { kind: 'impression', request_id: 'unknown' }),
    event('d', at + 4, { kind: 'impression', request_id: 'r', user_id: 'v' }),
    event('e', at + 5, { kind: 'impression' }),
    event('f', at + 5, { kind: 'click', request_id: 'r', item_id: 'j' }),
  );
  await goOnTo(loop, NOW);
  assert.deepEqual(
    (await examples(loop)).map(({ position, propensity }) => [position, propensity]),
    [
      [1, 0.25],
      [null, null],
      [null, null],
      [null, null],
      [null, null],
      [0, 1],
    ],
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
  await fc.assert(
    fc.asyncProperty(worlds({ late: false, maxLength: 80 }), async (events) => {
      const world = await run(events);
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
      }
    }),
    { numRuns: 12 },
  );
});

it('are the same bytes however the input is cut into batches and wherever the tasks start again', async () => {
  const cut = fc.record({ batchRecords: fc.integer({ min: 1, max: 7 }), restartAfter: fc.nat(60) });
  await fc.assert(
    fc.asyncProperty(worlds(), cut, async (events, { batchRecords, restartAfter }) => {
      const whole = await run(events);
      const other = await run(events, { batchRecords, cacheEntries: 3 }, restartAfter);
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
      const expected = featureBytes(await run(events), until);
      const found = new Map(featureBytes(await run([...past, ...changed]), until) as [string, string][]);
      for (const [id, bytes] of expected as [string, string][]) assert.equal(found.get(id), bytes, id);
    }),
    { numRuns: 10 },
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
