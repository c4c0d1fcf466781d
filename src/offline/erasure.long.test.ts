import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { crossKey } from '#features';
import { armFailpoints, disarmFailpoints } from '#platform';
import { eventually, temporaryDirectory } from '#platform/testing';
import { archiveNow, runArchive } from './archive.ts';
import { withDuckDb } from './duckdb.ts';
import { offlineEraseTarget } from './erasure.ts';
import {
  type ArchivedWorld,
  accept,
  announce,
  archivedEvents,
  archivedWorld,
  ask,
  DAY_MS,
  events,
  filesOnDisk,
  startMs,
} from './testing/archived-world.ts';

/** Paths of the files on the disk in which a user is found. */
async function filesWith(t: TestContext, { dataDirectory }: ArchivedWorld, user: string): Promise<string[]> {
  return withDuckDb(temporaryDirectory(t), async (database) => {
    const found: string[] = [];
    for (const path of filesOnDisk(dataDirectory)) {
      const column = path.startsWith('offline/events/') ? 'user_id' : '"key"';
      const [counted] = await database.rows<{ n: number }>(
        `SELECT count(*)::INTEGER AS n FROM read_parquet('${dataDirectory}/${path}')
         WHERE ${column} = '${user}' OR starts_with(${column}, '${crossKey(user, '')}')`,
      );
      if (counted?.n !== 0) found.push(path);
    }
    return found;
  });
}

it('leaves nothing of the user in any file, and everything of the others', async (t) => {
  const world = await archivedWorld(t);
  await accept(world, events(0, 600));
  await announce(world, startMs + DAY_MS);
  await archiveNow(world.options);
  await accept(world, events(600, 900));
  await announce(world, startMs + 2 * DAY_MS);
  await archiveNow(world.options);
  const rest = async (sql: string) => ask(world, sql);
  const others = `SELECT * EXCLUDE ("time") FROM events WHERE user_id <> 'u7' ORDER BY log_partition, log_offset`;
  const pairs = `SELECT * FROM user_item_features_as_of(${startMs + 3 * DAY_MS}) WHERE user_id <> 'u7' ORDER BY ALL`;
  const expected = [await rest(others), await rest(pairs)];
  const events7 = (await archivedEvents(t, world)).filter((row) => row.includes('"u7"'));
  assert.ok(events7.length > 10);
  assert.ok((await filesWith(t, world, 'u7')).length > 5);

  const target = offlineEraseTarget(world.options);
  const { rows } = await target.erase('u7');
  assert.ok(rows > events7.length);
  assert.deepEqual(await filesWith(t, world, 'u7'), []);
  assert.deepEqual([await rest(others), await rest(pairs)], expected);
  assert.equal((await target.erase('u7')).rows, 0);

  await accept(
    world,
    events(900, 1_000).filter(({ user_id }) => user_id !== 'u7'),
  );
  await announce(world, startMs + 3 * DAY_MS);
  await archiveNow(world.options);
  assert.deepEqual(await filesWith(t, world, 'u7'), []);
});

it('goes on beside an archive, and after it was cut off', async (t) => {
  const world = await archivedWorld(t);
  await accept(world, events(0, 300));
  await archiveNow(world.options);
  t.after(disarmFailpoints);
  for (const step of ['archive.file.placed', 'archive.commit.before', 'archive.commit.after']) {
    armFailpoints(`${step}=fail`);
    await assert.rejects(offlineEraseTarget(world.options).erase('u7'), { code: 'MR_FAILPOINT' }, step);
  }
  disarmFailpoints();
  const stopping = new AbortController();
  const running = runArchive(world.options, stopping.signal);
  const others = events(300, 700).filter(({ user_id }) => user_id !== 'u7');
  const writing = accept(world, others);
  await offlineEraseTarget(world.options).erase('u7');
  await writing;
  const expected = events(0, 300).filter(({ user_id }) => user_id !== 'u7').length + others.length;
  await eventually(async () => (await archivedEvents(t, world)).length >= expected);
  stopping.abort();
  await running;
  assert.equal((await archivedEvents(t, world)).length, expected);
  assert.deepEqual(await filesWith(t, world, 'u7'), []);
});
