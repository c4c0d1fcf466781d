import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TopicWriter } from '#engine';
import { featureViews } from '#features';
import { createLogger, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { Example, Item, PrivacyStatus, User } from '#schemas';
import { type AnalyticDatabase, literal, withDuckDb } from '../duckdb.ts';
import type { NumberSummary } from './distribution.ts';
import type { StatisticsFile } from './published.ts';
import { takeSnapshot } from './snapshot.ts';
import {
  announce,
  example,
  fillSmallWorld,
  item,
  MINUTE_MS,
  noLabels,
  readAll,
  type SmallWorld,
  smallExamples,
  smallWorld,
  startMs,
  user,
  write,
  writeExamples,
} from './testing/small-world.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const clock = systemClock;

const snapshotOf = (opened: SmallWorld) => takeSnapshot({ ...opened, clock, logger });

/** Queries the Parquet files, as tables by their names. */
async function inSnapshot<T>(
  t: TestContext,
  { dataDirectory }: SmallWorld,
  { directory }: { readonly directory: string },
  ask: (database: AnalyticDatabase) => Promise<T>,
): Promise<T> {
  return withDuckDb(temporaryDirectory(t), async (database) => {
    for (const table of ['examples', 'items', 'users', 'vocabulary']) {
      const path = literal(join(dataDirectory, directory, `${table}.parquet`));
      await database.run(`CREATE VIEW ${table} AS SELECT * FROM read_parquet(${path})`);
    }
    return ask(database);
  });
}

test('equal contents give equal bytes and the same id; what a crash or damage has left is replaced', async (t) => {
  const opened = await smallWorld(t);
  await fillSmallWorld(opened);
  const first = await snapshotOf(opened);
  const directory = join(opened.dataDirectory, first.directory);
  const names = first.files.map(({ name }) => name);
  assert.deepEqual(names, [
    'examples.parquet',
    'items.parquet',
    'users.parquet',
    'vocabulary.parquet',
    'statistics.json',
  ]);
  assert.deepEqual(readdirSync(directory).sort(), names.toSorted());
  const bytes = names.map((name) => readFileSync(join(directory, name)));

  await rm(join(directory, 'items.parquet'));
  await mkdir(join(opened.dataDirectory, 'snapshots', '.partial-crashed'));
  const second = await snapshotOf(opened);
  assert.deepEqual({ ...second, ts: first.ts }, first);
  assert.deepEqual(
    names.map((name) => readFileSync(join(directory, name))),
    bytes,
  );
  assert.deepEqual(readdirSync(join(opened.dataDirectory, 'snapshots')), [first.snapshot_id]);

  await writeExamples(opened, [example('u1', 'i0', startMs)]);
  assert.notEqual((await snapshotOf(opened)).snapshot_id, first.snapshot_id);
});

test('the manifest says what was read: offsets, rows, hashes, watermark, views, split', async (t) => {
  const opened = await smallWorld(t);
  await fillSmallWorld(opened);
  const snapshot = await snapshotOf(opened);
  assert.equal(snapshot.directory, `snapshots/${snapshot.snapshot_id}`);
  assert.equal(snapshot.watermark, startMs + 240 * MINUTE_MS);
  assert.equal(snapshot.protocol, 'per-user-last-20%');
  const { train_rows, validation_rows, test_rows } = snapshot;
  assert.deepEqual([train_rows, validation_rows, test_rows], [24 * 7, 24, 24 * 2]);
  assert.deepEqual(
    snapshot.files.map(({ rows }) => rows),
    [240, 30, 24, 24 + 30 + 2 + 3, snapshot.columns.length],
  );
  assert.deepEqual(snapshot.vocabulary, { users: 24, items: 30, categories: 2, tags: 3 });
  assert.deepEqual(
    snapshot.views,
    featureViews.map(({ name, version, declaration }) => ({ name, version, declaration })),
  );
  const { negatives, excluded_users, compared_with, suspect, command_id } = snapshot;
  assert.deepEqual(
    [negatives, excluded_users, compared_with, suspect, command_id],
    [null, 0, null, [], null],
  );
  const topics = ['examples', 'example-corrections', 'items', 'users', 'privacy'];
  const descriptions = await opened.log.describeTopics(topics);
  assert.deepEqual(
    snapshot.offsets,
    descriptions.flatMap(({ name, offsets }) =>
      offsets.map(({ start, stable }, partition) => ({ topic: name, partition, start, end: stable })),
    ),
  );
});

test('statistics.json has every column: numbers and lengths of train and of all, categories, ids', async (t) => {
  const opened = await smallWorld(t);
  await fillSmallWorld(opened);
  const snapshot = await snapshotOf(opened);
  const path = join(opened.dataDirectory, snapshot.directory, 'statistics.json');
  const { columns } = JSON.parse(readFileSync(path, 'utf8')) as StatisticsFile;
  assert.deepEqual(
    columns.map(({ name }) => name),
    snapshot.columns.map(({ name }) => name),
  );
  const of = (name: string) => columns.find((column) => column.name === name) as Record<string, unknown>;
  // The first seven of each user's ten examples are for training; they know 0, 1, ... 5 and 5 recent items.
  const recent = of('user_recent_items') as { train: NumberSummary; all: NumberSummary };
  assert.deepEqual([recent.all.count, recent.all.mean, recent.all.max], [240, 3.5, 5]);
  assert.deepEqual([recent.train.count, recent.train.mean, recent.train.distinct], [168, 20 / 7, 6]);
  const counts = { rows: 240, missing: 0, notFinite: 0 };
  assert.deepEqual(of('profile_gender'), {
    name: 'profile_gender',
    ...counts,
    kind: 'category',
    distinct: 1,
    distribution: { count: 240, categories: [['female', 240]] },
  });
  assert.deepEqual(of('item_id'), { name: 'item_id', ...counts, kind: 'id', distinct: 30 });
  const none = of('pair_events') as { missing: number; all: NumberSummary };
  assert.deepEqual([none.missing, none.all.count, none.all.mean], [240, 0, null]);
});

test('examples at or beyond the watermark are left to the next snapshot', async (t) => {
  const opened = await smallWorld(t);
  await assert.rejects(snapshotOf(opened), { code: 'MR_SNAPSHOT_EMPTY' });
  const times = [0, 1, 2, 3].map((minute) => startMs + minute * MINUTE_MS);
  await writeExamples(
    opened,
    times.map((ts, i) => example('u1', `i${i}`, ts)),
  );
  await assert.rejects(snapshotOf(opened), { code: 'MR_SNAPSHOT_EMPTY' });
  await announce(opened, times[2] as number);
  const first = await snapshotOf(opened);
  assert.equal(first.files[0]?.rows, 2);
  assert.equal(first.watermark, times[2]);
  await announce(opened, (times[3] as number) + 1);
  assert.equal((await snapshotOf(opened)).files[0]?.rows, 4);
  assert.deepEqual(
    readdirSync(join(opened.dataDirectory, 'snapshots')).length,
    2,
    'nothing of the refused ones',
  );
});

test('every field of an example is in its row, nested ones under their record, nulls as nulls, NaN as NaN', async (t) => {
  const opened = await smallWorld(t);
  const base = example("u'1\n", 'ı\u{1f600}"', startMs, ['a', '', "b'"]);
  const odd: Example = {
    ...base,
    value: 0.1,
    profile: null,
    item: { ...base.item, popularity: Number.NaN, ctr: Number.POSITIVE_INFINITY },
    labels: { ...noLabels, click: true, watch_fraction: 0.25 },
    facts: {
      type: 'movie',
      category: 'x',
      tags: ['t', 'ü'],
      duration_ms: 2 ** 40 + 1,
      difficulty: null,
      created: 5,
    },
  };
  await writeExamples(opened, [odd, example('u2', 'i2', startMs)]);
  await announce(opened, startMs + 1);
  const snapshot = await snapshotOf(opened);
  const rows = await inSnapshot(t, opened, snapshot, (database) =>
    database.rows('SELECT * FROM examples ORDER BY user_id LIMIT 1'),
  );
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain);
    return typeof value === 'bigint' ? Number(value) : value;
  };
  const row = Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name, value]) => [name, plain(value)]));
  const { user: userFields, profile, item: itemFields, facts, labels, category, pair, context, ...own } = odd;
  assert.deepEqual([profile, category, pair, context], [null, null, null, null]);
  const expected = {
    ...own,
    ...prefixed('user_', userFields),
    ...prefixed('item_', itemFields),
    ...prefixed('facts_', facts),
    ...prefixed('labels_', labels),
    split: 'train',
    is_repeat: false,
  };
  const nulls = Object.keys(row).filter((name) => !(name in expected));
  assert.deepEqual(row, { ...expected, ...Object.fromEntries(nulls.map((name) => [name, null])) });
  const prefixes = [...new Set(nulls.map((name) => name.split('_')[0]))].sort();
  assert.deepEqual(prefixes, ['category', 'context', 'pair', 'profile']);
  assert.deepEqual(
    snapshot.suspect,
    ['item_ctr', 'item_popularity'].map((name) => `${name}: 1 of 2 values are not finite numbers`),
  );
});

test('the newest record of an item or a user counts, and none after its tombstone', async (t) => {
  const opened = await smallWorld(t);
  await writeExamples(opened, [example('u1', 'i1', startMs)]);
  await announce(opened, startMs + 1);
  await write(
    opened.log,
    opened.topics.items,
    [item('i1', 'Old'), item('i2'), item('i1', 'New')],
    (each) => each.item_id,
  );
  await write(
    opened.log,
    opened.topics.users,
    [user('u1', 'nurse'), user('u1', 'baker')],
    (each) => each.user_id,
  );
  const writer = await TopicWriter.open(opened.log, opened.topics.items);
  await writer.write([{ key: 'i2', value: null, timestamp: startMs }]);
  await writer.close();
  const snapshot = await snapshotOf(opened);
  await inSnapshot(t, opened, snapshot, async (database) => {
    assert.deepEqual(await database.rows('SELECT item_id, title, tags FROM items'), [
      { item_id: 'i1', title: 'New', tags: ['tag1'] },
    ]);
    assert.deepEqual(await database.rows('SELECT user_id, occupation FROM users'), [
      { user_id: 'u1', occupation: 'baker' },
    ]);
  });
});

test('the newest correction of an example replaces its labels, another user\u2019s event of that id does not', async (t) => {
  const opened = await smallWorld(t);
  const labelled = (userId: string) => ({
    ...example(userId, 'i1', startMs),
    event_id: 'e1',
    labels: noLabels,
  });
  await writeExamples(opened, [labelled('u1'), labelled('u2'), labelled('u3')]);
  await announce(opened, startMs + 1);
  const corrected = (userId: string, rating: number) => {
    const labels = { ...noLabels, like: true, rating };
    return { event_id: 'e1', user_id: userId, item_id: 'i1', ts: startMs, labels };
  };
  const corrections = [corrected('u1', 2), corrected('u3', 1), corrected('u1', 5), corrected('u9', 4)];
  await write(opened.log, opened.topics['example-corrections'], corrections, ({ user_id }) => user_id);
  const rows = await inSnapshot(t, opened, await snapshotOf(opened), (database) =>
    database.rows('SELECT user_id, labels_like AS liked, labels_rating AS rating FROM examples ORDER BY 1'),
  );
  assert.deepEqual(rows, [
    { user_id: 'u1', liked: true, rating: 5 },
    { user_id: 'u2', liked: false, rating: null },
    { user_id: 'u3', liked: true, rating: 1 },
  ]);
});

test('users who have opted out or were erased are in no file; who opts in again is', async (t) => {
  const opened = await smallWorld(t);
  await fillSmallWorld(opened);
  const before = await snapshotOf(opened);
  const decide = (status: PrivacyStatus, ...ids: string[]) =>
    write(
      opened.log,
      opened.topics.privacy,
      ids.map((user_id) => ({ user_id, status, ts: startMs })),
      ({ user_id }) => user_id,
    );
  await decide('opted_out', 'u1', 'u2', 'never-seen');
  await decide('erased', 'u3');
  await decide('opted_in', 'u2');
  const after = await snapshotOf(opened);
  assert.equal(before.excluded_users, 0);
  assert.equal(after.excluded_users, 2, 'those of whom the topics hold something');
  assert.equal(after.vocabulary?.users, 22);
  assert.deepEqual(after.files[0]?.rows, 220);
  await inSnapshot(t, opened, after, async (database) => {
    const found = await database.rows(`
      SELECT user_id FROM examples WHERE user_id IN ('u1', 'u3') UNION ALL
      SELECT user_id FROM users WHERE user_id IN ('u1', 'u3') UNION ALL
      SELECT id FROM vocabulary WHERE id IN ('u1', 'u3')`);
    assert.deepEqual(found, []);
  });
});

test('other batches and another order of arrival between partitions give the same bytes', async (t) => {
  const [first, second] = [await smallWorld(t), await smallWorld(t)];
  await fillSmallWorld(first);
  const { topics, log } = second;
  await write(log, topics.users, (await valuesOf(first, 'users')) as User[], ({ user_id }) => user_id);
  const items = (await valuesOf(first, 'items')) as Item[];
  for (const each of items.toReversed()) await write(log, topics.items, [each], ({ item_id }) => item_id);
  // Users are the partitions' keys: of each user the order stays.
  const byUser = Map.groupBy(smallExamples(), ({ user_id }) => user_id);
  for (const own of [...byUser.values()].toReversed()) {
    await writeExamples(second, own.slice(0, 3));
    await writeExamples(second, own.slice(3));
  }
  await announce(second, startMs + 240 * MINUTE_MS);
  const [a, b] = [await snapshotOf(first), await snapshotOf(second)];
  assert.deepEqual(b.files, a.files);
  assert.equal(b.snapshot_id, a.snapshot_id);
});

const valuesOf = async ({ log, topics }: SmallWorld, topic: 'items' | 'users') =>
  (await readAll<unknown>(log, topics[topic] as never)).map(({ value }) => value);

const prefixed = (prefix: string, fields: object | null) =>
  Object.fromEntries(Object.entries(fields ?? {}).map(([name, value]) => [`${prefix}${name}`, value]));
