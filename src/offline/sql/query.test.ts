import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { TopicWriter, writeRecords } from '#engine';
import { temporaryDirectory } from '#platform/testing';
import type { Example } from '#schemas';
import { archiveNow } from '../archive.ts';
import { openOffline } from '../reading.ts';
import { item, example as smallExample, user } from '../snapshot/testing/small-world.ts';
import {
  type ArchivedWorld,
  accept,
  archivedWorld,
  ask,
  DAY_MS,
  events,
  startMs,
} from '../testing/archived-world.ts';
import { queryOffline } from './query.ts';

function example(eventId: string, labels: Example['labels']): Example {
  return { ...smallExample('u1', 'i1', startMs), event_id: eventId, labels };
}

async function archived(t: TestContext): Promise<ArchivedWorld> {
  const world = await archivedWorld(t);
  await accept(world, events(0, 100));
  await archiveNow(world.options);
  return world;
}

it('sees what there is, and tells of its columns', async (t) => {
  const world = await archived(t);
  const names = (await ask(world, 'SHOW TABLES')).map(({ name }) => name);
  for (const name of [
    'events',
    'examples',
    'example_corrections',
    'user_features',
    'item_features',
    'user_profile',
  ]) {
    assert.ok(names.includes(name), name);
  }
  const [row] = await ask(
    world,
    'SELECT count(*)::INTEGER AS n, min("time") AS first, any_value(item.category) FILTER (item_id = \'i0\') AS category FROM events',
  );
  assert.deepEqual({ n: row?.n, first: row?.first }, { n: 100, first: '2026-01-30 00:00:00' });
  assert.match(String(row?.category), /^c\d$/);
});

it('knows users and items by their newest records, from the time of those on', async (t) => {
  const world = await archived(t);
  const { users, items } = world.topics;
  const written = (userId: string, occupation: string, timestamp: number) => {
    return { key: userId, value: user(userId, occupation), timestamp };
  };
  const middle = startMs + DAY_MS;
  await writeRecords(world.log, users, [
    written('u1', 'nurse', startMs),
    written('u2', 'baker', startMs),
    written('u3', 'baker', startMs),
    written('u1', 'pilot', middle),
    { key: 'u3', value: null, timestamp: middle },
  ]);
  await writeRecords(world.log, items, [{ key: 'i0', value: item('i0'), timestamp: startMs - 1 }]);
  const asOf = (at: number) =>
    ask(world, `SELECT user_id, occupation, cohort FROM user_profile_as_of(${at}) ORDER BY 1`);
  const [u1, u2] = [
    { user_id: 'u1', occupation: 'pilot', cohort: '2026-01' },
    { user_id: 'u2', occupation: 'baker', cohort: '2026-01' },
  ];
  assert.deepEqual(await asOf(middle + 1), [u1, u2]);
  assert.deepEqual(await asOf(middle), [u2], 'what u1 was before is not known any more');
  assert.deepEqual(await asOf(startMs), []);
  const joined = `SELECT DISTINCT e.item_id, item_profile_row(h.state, e.ts) AS "row" FROM events e
    ASOF LEFT JOIN item_profile h ON e.item_id = h.item_id AND e.ts > h.valid_from
    WHERE e.ts = ${startMs} AND e.item_id IN ('i0', 'i5') ORDER BY 1`;
  const none = { type: null, category: null, tags: [], duration_ms: null, language: null, difficulty: null };
  const known = { type: 'video', category: 'even', tags: ['tag0'], duration_ms: 90_000, language: 'en' };
  const created = item('i0').created;
  assert.deepEqual(await ask(world, joined), [
    { item_id: 'i0', row: { ...none, ...known, age_days: (startMs - created) / DAY_MS } },
    { item_id: 'i5', row: { ...none, age_days: null } },
  ]);
});

it('shows examples with their newest labels', async (t) => {
  const world = await archived(t);
  const labels = {
    click: true,
    complete: false,
    like: false,
    watch_fraction: null,
    rating: null,
    purchase_value: null,
  };
  const examples = [example('e1', labels), example('e2', labels), example('e3', null)];
  const writer = await TopicWriter.open(world.log, world.topics.examples);
  await writer.write(examples.map((value) => ({ key: value.user_id, value, timestamp: value.ts })));
  await writer.close();
  const corrections = await TopicWriter.open(world.log, world.topics['example-corrections']);
  for (const rating of [2, 4]) {
    const { event_id, user_id, item_id, ts } = example('e2', labels);
    const value = { event_id, user_id, item_id, ts, labels: { ...labels, rating } };
    await corrections.write([{ key: user_id, value, timestamp: ts }]);
  }
  await corrections.close();
  await archiveNow(world.options);
  const asked = 'SELECT event_id, labels.rating AS rating, labels.click AS click FROM examples ORDER BY 1';
  assert.deepEqual(await ask(world, asked), [
    { event_id: 'e1', rating: null, click: true },
    { event_id: 'e2', rating: 4, click: true },
    { event_id: 'e3', rating: null, click: null },
  ]);
});

it('refuses what is no query, names errors, and lets a query write and read nothing else', async (t) => {
  const world = await archived(t);
  const store = await openOffline(world);
  const [file] = store.files('events');
  assert.ok(file !== undefined);
  const path = store.path(file);
  const bytes = readFileSync(path);
  const outside = join(temporaryDirectory(t), 'out.csv');
  for (const [sql, message] of [
    ['', /empty/],
    ['selec 1', /syntax error/],
    ['SELECT nope FROM events', /"nope" not found/],
    ['SELECT 1; SELECT 2', /2 statements/],
    ['DROP VIEW events', /none/],
    ['CREATE TABLE t AS SELECT 1', /none/],
    [`COPY (SELECT 1) TO '${outside}'`, /cannot access/i],
    [`EXPLAIN ANALYZE COPY (SELECT 1) TO '${outside}'`, /cannot access/i],
    [`COPY (SELECT 1 AS x) TO '${path}' (FORMAT parquet, USE_TMP_FILE false)`, /none/],
    [`EXPLAIN ANALYZE COPY (SELECT 1 AS x) TO '${path}' (FORMAT parquet, USE_TMP_FILE false)`, /none/],
    ["SELECT * FROM read_csv('/etc/passwd')", /cannot access/i],
    [`ATTACH '${outside}'`, /./],
    ['SET enable_external_access = true', /./],
    ["SELECT user_features_row('abc'::BLOB, 1)", /version/],
  ] as const) {
    await assert.rejects(ask(world, sql), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'MR_OFFLINE_QUERY', sql);
      assert.match(error.message, message, sql);
      return true;
    });
  }
  assert.equal(existsSync(outside), false);
  assert.deepEqual(readFileSync(path), bytes);
  assert.equal((await ask(world, 'EXPLAIN ANALYZE SELECT * FROM events')).length, 1);
});

it('is ended by its signal while it runs', async (t) => {
  const world = await archived(t);
  const stopping = new AbortController();
  const reason = new Error('enough');
  const options = {
    store: await openOffline(world),
    signal: stopping.signal,
    pseudonymOf: () => {
      setImmediate(() => stopping.abort(reason));
      return undefined;
    },
  };
  const endless = "SELECT count(*) FROM range(1000000000000) AS r(i) WHERE pseudonym(i::VARCHAR) = 'x'";
  const asked = queryOffline(endless, options, async ({ rows }) => {
    for await (const _ of rows);
  });
  await assert.rejects(asked, reason);
});
