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

const row = fc.record({ user: fc.nat(3), item: fc.nat(11), ts: fc.nat(15) });

test('no negative is an item that the user had by then, one of the future, or drawn twice', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
      const positives = positivesOf(rows);
      const since = Float64Array.from({ length: 12 }, (_, i) => i);
      const seen = new Set<string>();
      for (const [at, place, byPopularity, drawn] of draws(positives, since, {
        uniform: 2,
        byPopularity: 2,
      })) {
        const ts = positives.ts[at] as number;
        const before = rows.filter((each) => each.ts < ts);
        assert.ok(
          !rows.some((each) => each.user === positives.user[at] && each.item === drawn && each.ts <= ts),
        );
        assert.equal(byPopularity, place >= 2 ? 1 : 0);
        if (byPopularity === 1) assert.ok(before.some((each) => each.item === drawn));
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
      const drawn = (all: typeof rows) => {
        const positives = positivesOf(all);
        return [...draws(positives, since, { uniform: 1, byPopularity: 2 })].filter(
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
  for (const [at, , byPopularity, drawn] of draws(positives, since, { uniform: 1, byPopularity: 0 })) {
    if ((positives.ts[at] as number) === 2) (counts.uniform[drawn] as number)++;
    assert.equal(byPopularity, 0);
  }
  for (const [, , , drawn] of draws(positives, since, { uniform: 0, byPopularity: 1 })) {
    (counts.popular[drawn] as number)++;
  }
  const share = (of: readonly number[], drawn: number) => (of[drawn] as number) / 2000;
  for (const drawn of [0, 1, 3]) assert.ok(Math.abs(share(counts.uniform, drawn) - 1 / 3) < 0.05);
  assert.ok(Math.abs(share(counts.popular, 1) - 0.75) < 0.05);
  assert.deepEqual([counts.popular[2], counts.popular[3]], [0, 0]);
});

type NegativeRow = { event_id: string; user_id: string; item_id: string; ts: number; drawn: string } & {
  readonly [feature: string]: unknown;
};

test('the features of a negative are those of a fold over the events strictly before its time', async (t) => {
  const { opened, events } = await eventfulWorld(t);
  const negatives = { uniform: 2, byPopularity: 1, seed: 1 };
  const take = (seed = 1) =>
    takeSnapshot({ ...opened, clock: systemClock, logger, negatives: { ...negatives, seed } });
  const snapshot = await take();
  const path = join(opened.dataDirectory, snapshot.directory, 'negatives.parquet');
  const rows = await rowsIn<NegativeRow>(t, path);
  assert.equal(snapshot.negatives?.rows, rows.length);
  assert.ok(rows.length > 200, `${rows.length} negatives`);
  assert.ok(rows.some(({ item_id }) => item_id === 'i8'));

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
    assert.ok(drawn === 'uniform' || drawn === 'popularity');
    assert.ok(['train', 'validation', 'test'].includes(split as string) && (place as number) < 3);
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
  const negatives = { uniform: 1, byPopularity: 1, seed: 1 };
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
