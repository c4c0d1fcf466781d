import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { itemFeaturesView, userFeaturesView } from '#features';
import { disarmFailpoints, hitFailpoints, recordFailpoints } from '#platform';
import { eventually, temporaryDirectory } from '#platform/testing';
import { archiveNow, runArchive } from './archive.ts';
import { ARCHIVE_FAILPOINTS } from './archive-transactions.ts';
import { openOffline } from './reading.ts';
import {
  accept,
  announce,
  archivedEvents,
  archivedWorld,
  DAY_MS,
  events,
  filesOnDisk,
  openArchivedWorld,
  startMs,
  writeLog,
} from './testing/archived-world.ts';

/** Runs the archive in a process of its own; gives the signal that ended it. */
async function archiveProcess(t: TestContext, directory: string, failpoints = ''): Promise<unknown> {
  const script = join(import.meta.dirname, 'testing', 'archive-process.ts');
  const child = spawn(process.execPath, [script, directory], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, MILLRACE_FAILPOINTS: failpoints },
  });
  t.after(() => child.kill('SIGKILL'));
  const [code, signal] = await once(child, 'exit');
  assert.ok(code === 0 || signal !== null, 'it fails by the failpoint alone');
  return signal;
}

it('archives each record once after kill -9 at every step, and leaves no file behind', async (t) => {
  const written = temporaryDirectory(t);
  await writeLog(written, events(0, 300, { count: 300 }), startMs + 2 * DAY_MS);
  const undisturbed = temporaryDirectory(t);
  const killed = temporaryDirectory(t);
  for (const directory of [undisturbed, killed]) cpSync(written, directory, { recursive: true });
  assert.equal(await archiveProcess(t, undisturbed), null);

  const kills = [
    'file.written=kill@2',
    'file.placed=kill@3',
    'commit.before=kill@2',
    'commit.after=kill@3',
    'file.removed=kill@1',
  ];
  assert.deepEqual(
    kills.map((kill) => `archive.${kill.split('=')[0]}`),
    ARCHIVE_FAILPOINTS,
  );
  for (const kill of kills) {
    assert.equal(await archiveProcess(t, killed, `archive.${kill}`), 'SIGKILL', `${kill} was not reached`);
    await assertExact(t, killed);
  }
  assert.equal(await archiveProcess(t, killed), null);
  const expected = await openArchivedWorld(undisturbed);
  const world = await openArchivedWorld(killed);
  assert.deepEqual(await archivedEvents(t, world), await archivedEvents(t, expected));
  const store = await openOffline(world);
  const tables = [
    'events',
    'user-features-2',
    'user-features-2-carry',
    'item-features-2',
    'item-features-2-carry',
  ];
  for (const table of tables) {
    const facts = (files: ReturnType<typeof store.files>) => files.map(({ path, sha256 }) => [path, sha256]);
    const isOver = ({ date }: { readonly date: string }) => date < '2026-02-01';
    const files = (await openOffline(expected)).files(table).filter(isOver);
    assert.ok(files.length > 0, table);
    assert.deepEqual(facts(store.files(table).filter(isOver)), facts(files), table);
  }
  await world.log.close();
  await expected.log.close();
});

/** What counts at this moment is what lies below the archive's offsets, each record once. */
async function assertExact(t: TestContext, directory: string): Promise<void> {
  const world = await openArchivedWorld(directory);
  const store = await openOffline(world);
  const { offsets } = store.progress('interactions-accepted');
  const rows = (await archivedEvents(t, world)).map((row) => JSON.parse(row));
  const places = rows.map(({ log_partition, log_offset }) => `${log_partition} ${log_offset}`);
  assert.equal(new Set(places).size, places.length, 'no record twice');
  const [topic] = await world.log.describeTopics(['interactions-accepted']);
  for (const [partition, { stable }] of (topic?.offsets ?? []).entries()) {
    // The last record of a partition is the heartbeat.
    const reached = Math.min(offsets[partition] ?? 0, stable - 1);
    const found = rows.filter(({ log_partition }) => log_partition === partition);
    assert.equal(found.length, reached, `partition ${partition}`);
  }
  await world.log.close();
}

it('makes equal files of equal logs; of dates that are over whatever the cuts were', async (t) => {
  const written = temporaryDirectory(t);
  await writeLog(written, events(0, 300, { count: 300 }), startMs + 2 * DAY_MS);
  const views = [userFeaturesView, itemFeaturesView];
  const archived: { path: string; sha256: string; date: string }[][] = [];
  for (const flushRecords of [150, 150, 4_000]) {
    const directory = temporaryDirectory(t);
    cpSync(written, directory, { recursive: true });
    const world = await openArchivedWorld(directory);
    assert.equal(await archiveNow({ ...world.options, views, flushRecords, replacedKeptMs: 0 }), true);
    const store = await openOffline(world);
    const files = ['events', 'user-features-2', 'item-features-2'].flatMap((table) =>
      store.files(table).map(({ path, sha256, date }) => ({ path, sha256, date })),
    );
    for (const { path } of files) assert.ok(readFileSync(join(directory, path)).length > 0);
    archived.push(files);
    await world.log.close();
  }
  const [first = [], second = [], other = []] = archived;
  assert.deepEqual(second, first);
  const over = (files: typeof first) => files.filter(({ date }) => date < '2026-02-01');
  assert.equal(over(first).length, 6, 'a file a table and date');
  assert.deepEqual(over(other), over(first));
  assert.notDeepEqual(other, first, 'what is not over is as it was cut');
});

it('follows the log, goes on after a restart, and writes nothing while nothing comes', async (t) => {
  const directory = temporaryDirectory(t);
  const world = await openArchivedWorld(directory);
  t.after(() => world.log.close());
  const stopping = new AbortController();
  const running = runArchive(world.options, stopping.signal);
  const archivedUpTo = async (count: number) => {
    await eventually(async () => (await archivedEvents(t, world)).length >= count);
  };
  await accept(world, events(0, 100));
  await archivedUpTo(100);
  await accept(world, events(100, 150));
  await archivedUpTo(150);
  stopping.abort();
  await running;
  await accept(world, events(150, 200));
  await announce(world, startMs + DAY_MS);
  assert.equal(await archiveNow(world.options), true);
  const before = filesOnDisk(directory);
  assert.equal(await archiveNow(world.options), true);
  assert.deepEqual(filesOnDisk(directory), before);
  const rows = await archivedEvents(t, world);
  assert.equal(rows.length, 200);
  assert.equal((await openOffline(world)).progress('interactions-accepted').watermark, startMs + DAY_MS);
});

it('stops amid a flush of many dates: nothing of it counts, and the next archive writes it', async (t) => {
  const { log, topics, dataDirectory, options } = await archivedWorld(t);
  const accepted = events(0, 400, { days: 40, count: 400 });
  await accept(options, accepted);
  await announce(options, startMs + 40 * DAY_MS);
  const stopping = new AbortController();
  const running = runArchive({ ...options, flushRecords: 4_000 }, stopping.signal);
  const isWriting = () => {
    const names = readdirSync(dataDirectory, { recursive: true, encoding: 'utf8' });
    return names.some((name) => name.endsWith('.parquet'));
  };
  while (!isWriting()) await setImmediate();
  stopping.abort();
  await running;
  assert.deepEqual(filesOnDisk(dataDirectory), []);

  assert.equal(await archiveNow({ ...options, views: [] }), true);
  assert.equal((await archivedEvents(t, { log, topics, dataDirectory })).length, accepted.length);
});

it('leaves the work to the member that has it', async (t) => {
  const world = await archivedWorld(t);
  await accept(world, events(0, 10));
  const stopping = new AbortController();
  const running = runArchive(world.options, stopping.signal);
  await eventually(async () => (await archivedEvents(t, world)).length >= 10);
  assert.equal(await archiveNow({ ...world.options, instanceId: 'other' }), false);
  stopping.abort();
  await running;
});

it('hits every step that is named', async (t) => {
  const world = await archivedWorld(t);
  await accept(world, events(0, 300));
  await announce(world, startMs + 4 * DAY_MS);
  recordFailpoints();
  t.after(disarmFailpoints);
  await archiveNow({ ...world.options, flushRecords: 100, replacedKeptMs: 0 });
  const hit = [...hitFailpoints()].filter((name) => name.startsWith('archive.'));
  assert.deepEqual(hit.sort(), [...ARCHIVE_FAILPOINTS].sort());
});

it('counts what it cannot archive, and archives the rest', async (t) => {
  const world = await archivedWorld(t);
  const producer = await world.log.producer();
  await producer.append('interactions-accepted', 0, [
    { key: Buffer.from('u1'), value: Buffer.from('no Avro'), timestamp: 1 },
  ]);
  await producer.close();
  await accept(world, events(0, 20));
  await archiveNow(world.options);
  assert.equal((await archivedEvents(t, world)).length, 20);
  const lost = /millrace_archive_lost_total\{table="events",reason="undecodable"\} 1/;
  assert.match(await world.options.metrics.render(), lost);
});
