import assert from 'node:assert/strict';
import { it } from 'node:test';
import { userFeaturesView } from '#features';
import { archiveNow } from '../archive.ts';
import { ArchiveWriter } from '../archive-writer.ts';
import type { AnalyticDatabase } from '../duckdb.ts';
import { openOffline } from '../reading.ts';
import {
  type ArchivedWorld,
  accept,
  announce,
  archivedWorld,
  ask,
  DAY_MS,
  event,
  startMs,
} from '../testing/archived-world.ts';
import { closeDates, dropHistory } from './close-dates.ts';

const USERS = 30;
const PER_USER = 900;
const views = [userFeaturesView];

/** Each user sees another item with each event: states grow to kilobytes, and rows of one date beyond the memory. */
const crowded = Array.from({ length: USERS * PER_USER }, (_, i) => {
  const ts = startMs + Math.floor((i * DAY_MS) / (USERS * PER_USER));
  return { ...event(i), user_id: `u${i % USERS}`, item_id: `item-${Math.floor(i / USERS)}`, ts };
});

async function withLittleMemory(
  { options }: ArchivedWorld,
  work: (writer: ArchiveWriter) => Promise<void>,
): Promise<void> {
  await ArchiveWriter.with(options, 'archive', async (writer) => {
    await limit(writer.database);
    await work(writer);
  });
}

const limit = (database: AnalyticDatabase) => database.run("SET memory_limit = '96MB'");

async function stateBytes(world: ArchivedWorld): Promise<unknown> {
  const [sizes] = await ask(
    world,
    `SELECT count(*)::INTEGER AS rows, (sum(octet_length(state)) > 96e6) AS "isLarge" FROM user_features`,
  );
  return sizes;
}

it('folds a date, and drops it, whose states are far larger than the memory', async (t) => {
  const world = await archivedWorld(t);
  await accept(world, crowded);
  await announce(world, startMs + DAY_MS);
  await archiveNow({ ...world.options, views: [], flushRecords: 4_000 });
  const { signal } = new AbortController();
  await withLittleMemory(world, (writer) => closeDates(writer, views, startMs + DAY_MS, signal));
  assert.deepEqual(await stateBytes(world), { rows: crowded.length, isLarge: true });
  const half = startMs + DAY_MS / 2;
  const known = (at: number) =>
    ask(
      world,
      `SELECT count(*)::INTEGER AS users, sum(events)::INTEGER AS events FROM user_features_as_of(${at})`,
    );
  assert.deepEqual(await known(half), [
    { users: USERS, events: crowded.filter(({ ts }) => ts < half).length },
  ]);

  await withLittleMemory(world, (writer) => dropHistory(writer, userFeaturesView, startMs + DAY_MS));
  const store = await openOffline(world);
  assert.deepEqual(
    [store.files('user-features-2').length, store.files('user-features-2-base')[0]?.rows],
    [0, USERS],
  );
  assert.deepEqual(await known(startMs + 2 * DAY_MS), [{ users: USERS, events: crowded.length }]);
});
