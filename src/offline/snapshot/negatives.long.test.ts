import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { TopicWriter } from '#engine';
import {
  type AnyView,
  crossKey,
  itemFeaturesView,
  userCategoryFeaturesView,
  userItemFeaturesView,
} from '#features';
import { seededRandom } from '#models';
import { createLogger, createMetrics, systemClock } from '#platform';
import { archiveNow } from '../archive.ts';
import { draws } from './negatives.ts';
import { takeSnapshot } from './snapshot.ts';
import { eventfulWorld, rowBefore, rowsIn } from './testing/eventful-world.ts';
import { item, MINUTE_MS, startMs } from './testing/small-world.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const DAY_MS = 86_400_000;

const positivesOf = (rows: readonly { user: number; item: number; ts: number }[]) => {
  const inOrder = rows.toSorted((a, b) => a.ts - b.ts);
  return {
    user: Int32Array.from(inOrder, ({ user }) => user),
    item: Int32Array.from(inOrder, ({ item: each }) => each),
    ts: Float64Array.from(inOrder, ({ ts }) => ts),
    hash: Int32Array.from(inOrder, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 1),
  };
};

/** Even items are of one category, odd ones of another; every fifth has none. */
const catalogueOf = (since: Float64Array) => ({
  since,
  category: Int32Array.from(since, (_, i) => (i % 5 === 4 ? -1 : i % 2)),
});

const row = fc.record({ user: fc.nat(3), item: fc.nat(11), ts: fc.nat(15) });

/** Items that a user has had who has had one of this user's, too. */
function wentAlong(rows: readonly { user: number; item: number }[], user: number): Set<number> {
  const own = new Set(rows.filter((each) => each.user === user).map(({ item: each }) => each));
  const alike = new Set(rows.filter((each) => own.has(each.item)).map((each) => each.user));
  return new Set(rows.filter((each) => alike.has(each.user)).map(({ item: each }) => each));
}

test('no negative is an item that the user had by then, one of the future, or drawn twice', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
      const positives = positivesOf(rows);
      const since = Float64Array.from({ length: 12 }, (_, i) => i);
      const seen = new Set<string>();
      for (const [at, place, drawnBy, drawn] of draws(positives, catalogueOf(since), {
        uniform: 2,
        byPopularity: 2,
        byCoVisits: 2,
        bySources: 2,
      })) {
        const ts = positives.ts[at] as number;
        const before = rows.filter((each) => each.ts < ts);
        assert.ok(
          !rows.some((each) => each.user === positives.user[at] && each.item === drawn && each.ts <= ts),
        );
        if (place < 6) assert.equal(drawnBy, Math.floor(place / 2));
        else assert.ok(drawnBy >= 2);
        if (drawnBy === 1) assert.ok(before.some((each) => each.item === drawn));
        else if (drawnBy === 2) assert.ok(wentAlong(before, positives.user[at] as number).has(drawn));
        else assert.ok((since[drawn] as number) < ts);
        assert.ok(!seen.has(`${at} ${drawn}`));
        seen.add(`${at} ${drawn}`);
      }
    }),
  );
});

test('what happens at or after a time changes nothing of what is drawn before it', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), fc.nat(15), (rows, t) => {
      const since = new Float64Array(12);
      const ways = { uniform: 1, byPopularity: 2, byCoVisits: 2, bySources: 2 };
      const drawn = (all: typeof rows) => {
        const positives = positivesOf(all);
        return [...draws(positives, catalogueOf(since), ways)].filter(
          ([at]) => (positives.ts[at] as number) < t,
        );
      };
      assert.deepEqual(drawn(rows.filter(({ ts }) => ts < t)), drawn(rows));
    }),
  );
});

test('popular items are drawn as often as they had positives, all items alike when uniform', () => {
  // 100 users had item 0 and 300 item 1; then 2,000 other users come, who each have item 2.
  const early = Array.from({ length: 400 }, (_, user) => ({ user, item: user < 100 ? 0 : 1, ts: 1 }));
  const late = Array.from({ length: 2000 }, (_, i) => ({ user: 1000 + i, item: 2, ts: 2 }));
  const counts = { uniform: [0, 0, 0, 0], popular: [0, 0, 0, 0] };
  const since = new Float64Array(4);
  const positives = positivesOf([...early, ...late]);
  const ways = { uniform: 0, byPopularity: 0, byCoVisits: 0, bySources: 0 };
  for (const [at, , drawnBy, drawn] of draws(positives, catalogueOf(since), { ...ways, uniform: 1 })) {
    if ((positives.ts[at] as number) === 2) (counts.uniform[drawn] as number)++;
    assert.equal(drawnBy, 0);
  }
  for (const [, , , drawn] of draws(positives, catalogueOf(since), { ...ways, byPopularity: 1 })) {
    (counts.popular[drawn] as number)++;
  }
  const share = (of: readonly number[], drawn: number) => (of[drawn] as number) / 2000;
  for (const drawn of [0, 1, 3]) assert.ok(Math.abs(share(counts.uniform, drawn) - 1 / 3) < 0.05);
  assert.ok(Math.abs(share(counts.popular, 1) - 0.75) < 0.05);
  assert.deepEqual([counts.popular[2], counts.popular[3]], [0, 0]);
});

test('what goes along with the last items is drawn as often as users had both, the newest of them alone', () => {
  // 300 users have had item 0 and then 1, 100 users 2 and then 0; item 3 goes along with none of them.
  const pair = (user: number, first: number, next: number) => [
    { user, item: first, ts: 1 },
    { user, item: next, ts: 2 },
  ];
  const early = Array.from({ length: 400 }, (_, user) =>
    user % 4 < 3 ? pair(user, 0, 1) : pair(user, 2, 0),
  );
  // Then 1,000 users begin with item 0, and take to item 4 next; others begin with item 3.
  const late = Array.from({ length: 1000 }, (_, i) => [
    { user: 1000 + i, item: 0, ts: 3 },
    { user: 1000 + i, item: 4, ts: 4 },
    { user: 3000 + i, item: 3, ts: 3 },
    { user: 3000 + i, item: 4, ts: 4 },
  ]);
  const positives = positivesOf([...early.flat(), ...late.flat()]);
  const counts = new Float64Array(5);
  const options = { uniform: 0, byPopularity: 0, byCoVisits: 1, bySources: 0 };
  for (const [at, , drawnBy, drawn] of draws(positives, catalogueOf(new Float64Array(5)), options)) {
    assert.equal(drawnBy, 2);
    if ((positives.ts[at] as number) < 4) continue;
    assert.ok((positives.user[at] as number) < 3000, 'nothing went along with what this user has had');
    counts[drawn] = (counts[drawn] as number) + 1;
  }
  const [, next = 0, before = 0] = counts;
  assert.equal(next + before, 1000);
  assert.ok(Math.abs(next / 1000 - 0.75) < 0.05, `${counts}`);

  // A user's last ten items are looked at: what went along with the one before them is not drawn.
  const long = Array.from({ length: 12 }, (_, i) => ({ user: 1, item: 10 + i, ts: 10 + i }));
  const along = [pair(2, 10, 30), pair(3, 12, 31)].flat();
  const drawn = new Set(
    [...Array(50).keys()].flatMap((salt) => {
      const rows = positivesOf([...along, ...long]);
      const hash = rows.hash.map((each) => (each + salt * 7919) & 0x7fffffff);
      return [...draws({ ...rows, hash }, catalogueOf(new Float64Array(40)), options)].map(
        ([at, , , item]) => (rows.ts[at] === 21 ? item : -1),
      );
    }),
  );
  assert.ok(drawn.has(31) && !drawn.has(30), `${[...drawn]}`);
});

test('sources are drawn from as often as they have a share of the candidates beside the index, and as of then', () => {
  // Items come one a minute; then users take to them, an hour apart.
  const items = 400;
  const since = Float64Array.from({ length: items }, (_, i) => i * MINUTE_MS);
  const catalogue = { since, category: Int32Array.from(since, (_, i) => i % 2) };
  const random = seededRandom(1);
  const rows = Array.from({ length: 3000 }, (_, n) => ({
    user: 1 + (n % 300),
    item: random.integer(items),
    ts: DAY_MS + n * 3_600_000,
  }));
  const positives = positivesOf(rows);
  const ways = { uniform: 0, byPopularity: 0, byCoVisits: 0, bySources: 4 };
  const counts = new Map<number, number>();
  let all = 0;
  for (const [at, , drawnBy, drawn] of draws(positives, catalogue, ways)) {
    // Before, nothing goes along with what most users had.
    if (at < 1500) continue;
    counts.set(drawnBy, (counts.get(drawnBy) ?? 0) + 1);
    all++;
    if (drawnBy === 6) assert.ok(drawn >= items - 5, 'the newest five');
  }
  assert.ok(all > 5000);
  const expected = { 2: 0.3, 3: 0.2, 4: 0.3, 5: 0.1, 6: 0.1 };
  for (const [drawnBy, share] of Object.entries(expected)) {
    const found = (counts.get(Number(drawnBy)) ?? 0) / all;
    assert.ok(Math.abs(found - share) < 0.08, `${drawnBy}: ${found}, not ${share}`);
  }
});

type NegativeRow = { event_id: string; user_id: string; item_id: string; ts: number; drawn: string } & {
  readonly [feature: string]: unknown;
};

test('the features of a negative are those of a fold over the events strictly before its time', async (t) => {
  const { opened, events } = await eventfulWorld(t);
  const negatives = { uniform: 2, byPopularity: 1, byCoVisits: 1, bySources: 0, seed: 1 };
  const take = (seed = 1) =>
    takeSnapshot({ ...opened, clock: systemClock, logger, negatives: { ...negatives, seed } });
  const snapshot = await take();
  const path = join(opened.dataDirectory, snapshot.directory, 'negatives.parquet');
  const rows = await rowsIn<NegativeRow>(t, path);
  assert.equal(snapshot.negatives?.rows, rows.length);
  assert.ok(rows.length > 200, `${rows.length} negatives`);
  assert.ok(rows.some(({ item_id }) => item_id === 'i8'));
  assert.ok(rows.some(({ drawn }) => drawn === 'co-visits'));

  const rowOf = (view: AnyView, key: string, ts: number, prefix: string) =>
    rowBefore(events, view, { key, ts, prefix });
  for (const { event_id, user_id, item_id, ts, split, place, drawn, ...features } of rows) {
    const category = item(item_id).category;
    assert.deepEqual(features, {
      ...rowOf(itemFeaturesView, item_id, ts, 'item_'),
      ...rowOf(userCategoryFeaturesView, crossKey(user_id, category), ts, 'category_'),
      ...rowOf(userItemFeaturesView, crossKey(user_id, item_id), ts, 'pair_'),
    });
    assert.ok(item_id !== 'i8' || ts > startMs + 45 * MINUTE_MS, 'an item that is not there yet is none');
    assert.equal(drawn, ['uniform', 'uniform', 'popularity', 'co-visits'][place as number]);
    assert.ok(['train', 'validation', 'test'].includes(split as string));
    assert.ok(
      events.some((each) => each.event_id === event_id && each.ts === ts && each.user_id === user_id),
    );
  }
  assert.equal((await take()).snapshot_id, snapshot.snapshot_id, 'drawn by hashes alone');
  assert.notEqual((await take(2)).snapshot_id, snapshot.snapshot_id);
});

test('events that have left the log are taken from the archive; where nobody has them, it is refused', async (t) => {
  const { opened, events } = await eventfulWorld(t);
  const archived = await eventfulWorld(t);
  // What the log keeps is counted from its newest events.
  const late = events.map((each) => ({
    ...each,
    event_id: `${each.event_id}-late`,
    ts: each.ts + 200 * DAY_MS,
  }));
  for (const { log, topics } of [opened, archived.opened]) {
    const writer = await TopicWriter.open(log, topics['interactions-accepted']);
    await writer.write(late.map((value) => ({ key: value.user_id, value, timestamp: value.ts })));
    await writer.close();
  }
  const negatives = { uniform: 1, byPopularity: 1, byCoVisits: 1, bySources: 0, seed: 1 };
  const take = () => takeSnapshot({ ...opened, clock: systemClock, logger, negatives });
  const whole = await take();
  const archiveOptions = {
    ...opened,
    clock: systemClock,
    logger,
    metrics: createMetrics(),
    instanceId: 'main',
    flushMs: 0,
    flushRecords: 1000,
    retention: { eventsMs: Number.MAX_SAFE_INTEGER, featuresMs: Number.MAX_SAFE_INTEGER },
  };
  await archiveNow({ ...archiveOptions, ...archived.opened });
  for (const { log } of [opened, archived.opened]) await log.clean();
  await assert.rejects(take(), { code: 'MR_OFFLINE_INCOMPLETE' });
  const shortened = await takeSnapshot({ ...archived.opened, clock: systemClock, logger, negatives });
  assert.equal(shortened.snapshot_id, whole.snapshot_id);
  const starts = await archived.opened.log.describeTopics(['interactions-accepted']);
  assert.ok(starts[0]?.offsets.some(({ start }) => start > 0));
});
