import assert from 'node:assert/strict';
import { it } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { archiveNow } from './archive.ts';
import { withDuckDb } from './duckdb.ts';
import { openOffline } from './reading.ts';
import {
  accept,
  announce,
  archivedWorld,
  ask,
  DAY_MS,
  events,
  filesOnDisk,
  startMs,
} from './testing/archived-world.ts';

const shape = { days: 5, count: 500 };

it('puts the files of a date together: readers see the same rows, and the old files go later', async (t) => {
  const world = await archivedWorld(t);
  await accept(world, events(0, 500, shape));
  await archiveNow({ ...world.options, flushRecords: 100 });
  const all = 'SELECT * EXCLUDE ("time") FROM events ORDER BY log_partition, log_offset';
  const before = await ask(world, all);
  const old = await openOffline(world);
  assert.ok(old.files('events').length > 8);
  await announce(world, startMs + 4 * DAY_MS);
  await archiveNow(world.options);
  const store = await openOffline(world);
  const dates = store.files('events').map(({ date }) => date);
  assert.deepEqual(dates.slice(0, 4), [...new Set(dates)].slice(0, 4), 'a file a date that is over');
  assert.deepEqual(await ask(world, all), before);
  // A reader that began before.
  await withDuckDb(temporaryDirectory(t), async (database) => {
    await old.verify(old.files('events'));
    await database.run(`CREATE TEMP VIEW events AS ${old.selectFrom('events')}`);
    const [counted] = await database.rows<{ n: number }>('SELECT count(*)::INTEGER AS n FROM events');
    assert.equal(counted?.n, 500);
  });
  await accept(world, events(500, 501, shape));
  await archiveNow({ ...world.options, replacedKeptMs: 0 });
  const valid = (await openOffline(world)).files('events').map(({ path }) => path);
  assert.deepEqual(
    filesOnDisk(world.dataDirectory).filter((path) => path.startsWith('offline/events/')),
    valid.toSorted(),
  );
});

it('drops what is past its retention by event time, and keeps the rows that later times need', async (t) => {
  const world = await archivedWorld(t);
  await accept(world, events(0, 500, shape));
  await announce(world, startMs + 4 * DAY_MS);
  await archiveNow(world.options);
  const asOf = `SELECT * FROM user_features_as_of(${startMs + 4 * DAY_MS}) ORDER BY user_id`;
  const earlier = `SELECT * FROM user_features_as_of(${startMs + 3.2 * DAY_MS}) ORDER BY user_id`;
  const expected = [await ask(world, asOf), await ask(world, earlier)];
  assert.equal(expected[1]?.length, 20);

  const retention = { eventsMs: 1.5 * DAY_MS, featuresMs: DAY_MS };
  await accept(world, events(500, 501, shape));
  await archiveNow({ ...world.options, retention, replacedKeptMs: 0 });
  const store = await openOffline(world);
  const dates = (table: string) => [...new Set(store.files(table).map(({ date }) => date))];
  assert.deepEqual(dates('events'), ['2026-02-01', '2026-02-02', '2026-02-03', '2026-02-04']);
  assert.deepEqual(dates('user-features-2'), ['2026-02-02']);
  assert.deepEqual(dates('user-features-2-base'), ['2026-02-01']);
  assert.deepEqual(await ask(world, asOf), expected[0]);
  assert.deepEqual(await ask(world, earlier), expected[1]);
  await withDuckDb(temporaryDirectory(t), async (database) => {
    const below = store.records(database, 'interactions-accepted', [{ partition: 0, from: 0, to: 5 }]);
    await assert.rejects(below.next(), { code: 'MR_OFFLINE_INCOMPLETE' });
  });
  const valid = ['events', 'user-features-2', 'user-features-2-base', 'user-features-2-carry'].flatMap(
    (table) => store.files(table).map(({ path }) => path),
  );
  const onDisk = filesOnDisk(world.dataDirectory).filter((path) =>
    /offline\/(events|user-features-2)/.test(path),
  );
  assert.deepEqual(onDisk, valid.toSorted());
});
