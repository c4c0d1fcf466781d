import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TopicWriter } from '#engine';
import { createLogger, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { type AnalyticDatabase, literal, withDuckDb } from './duckdb.ts';
import { takeSnapshot } from './snapshot.ts';
import {
  announce,
  example,
  fillSmallWorld,
  item,
  minuteMs,
  openSmallWorld,
  type SmallWorld,
  startMs,
  user,
  write,
  writeExamples,
} from './testing/small-world.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const clock = systemClock;

async function world(t: TestContext): Promise<SmallWorld> {
  const opened = await openSmallWorld(temporaryDirectory(t));
  t.after(() => opened.log.close());
  return opened;
}

const snapshotOf = (opened: SmallWorld) => takeSnapshot({ ...opened, clock, logger });

/** Queries the Parquet files, as tables by their names. */
async function inSnapshot<T>(
  t: TestContext,
  { dataDirectory }: SmallWorld,
  { directory }: { readonly directory: string },
  ask: (database: AnalyticDatabase) => Promise<T>,
): Promise<T> {
  return withDuckDb(temporaryDirectory(t), async (database) => {
    for (const table of ['examples', 'items', 'users']) {
      const path = literal(join(dataDirectory, directory, `${table}.parquet`));
      await database.run(`CREATE VIEW ${table} AS SELECT * FROM read_parquet(${path})`);
    }
    return ask(database);
  });
}

test('equal contents give equal bytes and the same id; what a crash or damage has left is replaced', async (t) => {
  const opened = await world(t);
  await fillSmallWorld(opened);
  const first = await snapshotOf(opened);
  const directory = join(opened.dataDirectory, first.directory);
  const names = first.files.map(({ name }) => name);
  assert.deepEqual(names, ['examples.parquet', 'items.parquet', 'users.parquet']);
  assert.deepEqual(readdirSync(directory).sort(), names);
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
  const opened = await world(t);
  await fillSmallWorld(opened);
  const snapshot = await snapshotOf(opened);
  assert.equal(snapshot.directory, `snapshots/${snapshot.snapshot_id}`);
  assert.equal(snapshot.watermark, startMs + 240 * minuteMs);
  assert.equal(snapshot.protocol, 'per-user-last-20%');
  assert.deepEqual([snapshot.train_rows, snapshot.test_rows], [24 * 8, 24 * 2]);
  assert.deepEqual(
    snapshot.files.map(({ rows }) => rows),
    [240, 30, 24],
  );
  assert.deepEqual(snapshot.views, [
    { name: 'user-features', version: 1 },
    { name: 'item-features', version: 1 },
  ]);
  const descriptions = await opened.log.describeTopics(['examples', 'items', 'users']);
  assert.deepEqual(
    snapshot.offsets,
    descriptions.flatMap(({ name, offsets }) =>
      offsets.map(({ start, stable }, partition) => ({ topic: name, partition, start, end: stable })),
    ),
  );
});

test('examples at or beyond the watermark are left to the next snapshot', async (t) => {
  const opened = await world(t);
  await assert.rejects(snapshotOf(opened), { code: 'MR_SNAPSHOT_EMPTY' });
  const times = [0, 1, 2, 3].map((minute) => startMs + minute * minuteMs);
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

test('every field of an example is in its row, nulls as nulls', async (t) => {
  const opened = await world(t);
  const odd = { ...example("u'1\n", 'ı\u{1f600}"', startMs, ['a', '', "b'"]), value: 0.1, profile: null };
  await writeExamples(opened, [odd, example('u2', 'i2', startMs)]);
  await announce(opened, startMs + 1);
  const rows = await inSnapshot(t, opened, await snapshotOf(opened), (database) =>
    database.rows(
      "SELECT * REPLACE (ts::DOUBLE AS ts) FROM examples WHERE kind = 'view' ORDER BY ALL LIMIT 1",
    ),
  );
  const [row] = rows as Record<string, unknown>[];
  assert.ok(row !== undefined);
  const numbers = Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
  );
  const prefixed = (prefix: string, fields: object) =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${prefix}${name}`, value]));
  const { user: userFields, profile: _, item: itemFields, ...own } = odd;
  const nothing = { age: null, gender: null, occupation: null, country: null };
  assert.deepEqual(numbers, {
    ...own,
    ...prefixed('user_', userFields),
    ...prefixed('profile_', nothing),
    ...prefixed('item_', itemFields),
    split: 'train',
  });
});

test('the newest record of an item or a user counts, and none after its tombstone', async (t) => {
  const opened = await world(t);
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

test("a user's newest fifth of items is held out; what is repeated in its time is neither train nor test", async (t) => {
  const opened = await world(t);
  const at = (minute: number) => startMs + minute * minuteMs;
  const first = Array.from({ length: 10 }, (_, i) => example('u1', `i${i}`, at(i)));
  const repeats = [example('u1', 'i0', at(5.5)), example('u1', 'i1', at(8.5)), example('u1', 'i8', at(8.7))];
  await writeExamples(opened, [...first, ...repeats, example('lone', 'i1', at(3))]);
  await announce(opened, at(100));
  const snapshot = await snapshotOf(opened);
  const rows = await inSnapshot(t, opened, snapshot, (database) =>
    database.rows<{ item_id: string; minute: number; split: string }>(
      `SELECT item_id, (ts - ${startMs})::DOUBLE / ${minuteMs} AS minute, split FROM examples WHERE user_id = 'u1' ORDER BY ts`,
    ),
  );
  assert.deepEqual(
    rows.map(({ item_id, minute, split }) => `${item_id} ${minute} ${split}`),
    [
      ...[0, 1, 2, 3, 4, 5].map((i) => `i${i} ${i} train`),
      'i0 5.5 train',
      'i6 6 train',
      'i7 7 train',
      'i8 8 test',
      'i1 8.5 repeat',
      'i8 8.7 repeat',
      'i9 9 test',
    ],
  );
  assert.deepEqual(
    [snapshot.train_rows, snapshot.test_rows],
    [10, 2],
    "the lone user's only item is for training",
  );
  assert.ok(existsSync(join(opened.dataDirectory, snapshot.directory)));
});
