import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { s3Server } from '#servers';
import type { ObjectStore, SharedFiles } from '#storage';
import { FaultyProxy, sharedFilesAt, storeAt } from '#storage/testing';
import { archiveNow } from './archive.ts';
import { offlineEraseTarget } from './erasure.ts';
import { openOffline } from './reading.ts';
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

type Machine = ArchivedWorld & { readonly files: SharedFiles };

/** A log, and data directories with one bucket, behind a proxy each. */
async function opened(t: TestContext) {
  const server = await s3Server(t);
  if (server === undefined) return undefined;
  const world = await archivedWorld(t);
  const address = `s3://${await server.bucket()}/m`;
  const store: ObjectStore = storeAt(t, server.url, address);
  const machine = async (dataDirectory: string): Promise<Machine & { proxy: FaultyProxy }> => {
    const proxy = await FaultyProxy.open(t, server.url);
    const files = sharedFilesAt(t, proxy.url, address, dataDirectory);
    const options = { ...world.options, dataDirectory, files };
    return { ...world, dataDirectory, files, options, proxy };
  };
  const here = await machine(world.dataDirectory);
  const there = await machine(temporaryDirectory(t));
  await accept(world, events(0, 600));
  await announce(world, startMs + DAY_MS);
  return { world, store, here, there };
}

const pathsIn = async (store: ObjectStore) =>
  (await store.list('offline/')).map(({ name }) => name.slice(0, name.lastIndexOf('~')));

it('an archive that one machine has written is read, continued and compacted by another', async (t) => {
  const opening = await opened(t);
  if (opening === undefined) return;
  const { world, store, here, there } = opening;
  await archiveNow(here.options);
  const expected = await archivedEvents(t, here);
  assert.equal(expected.length, 600);
  assert.deepEqual(await archivedEvents(t, there), expected);
  await accept(world, events(600, 1_000));
  await announce(world, startMs + 3 * DAY_MS);
  await archiveNow({ ...there.options, replacedKeptMs: 0 });
  assert.equal((await archivedEvents(t, there)).length, 1_000);
  assert.deepEqual(await archivedEvents(t, here), await archivedEvents(t, there));
  const named = (await openOffline(there)).allFiles().map(({ path }) => path);
  assert.deepEqual(await pathsIn(store), named.toSorted(), 'what was replaced is gone from the store');
});

it('an archive of before there was a store is put into it', async (t) => {
  const opening = await opened(t);
  if (opening === undefined) return;
  const { world, here, there } = opening;
  await archiveNow(world.options);
  const expected = await archivedEvents(t, world);
  await archiveNow(here.options);
  rmSync(join(world.dataDirectory, 'offline'), { recursive: true });
  assert.deepEqual(await archivedEvents(t, there), expected);
});

it('an erasure leaves nothing of the user in the store, nor in copies elsewhere', async (t) => {
  const opening = await opened(t);
  if (opening === undefined) return;
  const { store, here, there } = opening;
  await archiveNow(here.options);
  const others = (await archivedEvents(t, here)).filter((row) => !row.includes('"u7"'));
  const { rows } = await offlineEraseTarget(there.options).erase('u7');
  assert.ok(rows > 10);
  await here.files.removeOrphans();
  const named = (await openOffline(here)).allFiles().map(({ path }) => path);
  assert.deepEqual(await pathsIn(store), named.toSorted());
  assert.deepEqual(
    filesOnDisk(here.dataDirectory).filter((path) => !named.includes(path)),
    [],
  );
  assert.deepEqual(await archivedEvents(t, here), others);
  const sql = `SELECT count(*)::INTEGER AS n FROM events WHERE user_id = 'u7'`;
  assert.deepEqual(await ask(here, sql), await ask(there, sql));
});

for (const [name, fault, code] of [
  ['away', { status: 503, code: 'SlowDown' }, 'MR_STORAGE_AWAY'],
  ['full', { status: 507, code: 'InsufficientStorage' }, 'MR_STORAGE_FULL'],
] as const) {
  it(`a store that is ${name} while files are written: nothing counts that it lacks, and nothing is lost`, async (t) => {
    const opening = await opened(t);
    if (opening === undefined) return;
    const { here, there } = opening;
    let writes = 0;
    here.proxy.fault = ({ method }) => (method === 'PUT' && writes++ > 0 ? fault : undefined);
    await assert.rejects(archiveNow(here.options), { code, hint: /storage/ });
    assert.deepEqual(await archivedEvents(t, there), []);
    here.proxy.fault = () => undefined;
    await archiveNow(here.options);
    assert.equal((await archivedEvents(t, there)).length, 600);
  });
}

it('an object that is another or gone is named, and is written again by the machine that has it', async (t) => {
  const opening = await opened(t);
  if (opening === undefined) return;
  const { store, here, there } = opening;
  await archiveNow(here.options);
  there.proxy.fault = ({ url }) => (/\.parquet~/.test(decodeURIComponent(url)) ? 'other' : undefined);
  await assert.rejects(archivedEvents(t, there), {
    code: 'MR_STORAGE_OBJECT_WRONG',
    message: /^offline\/events\/.*\.parquet~[0-9a-f]{64} in s3:/,
  });
  there.proxy.fault = () => undefined;
  const [file] = (await openOffline(here)).files('events');
  const object = `${file?.path}~${file?.sha256}`;
  await store.remove(object);
  await assert.rejects(archivedEvents(t, there), {
    code: 'MR_STORAGE_OBJECT_MISSING',
    message: new RegExp(`^${object}`),
  });
  await archiveNow(here.options);
  assert.equal((await archivedEvents(t, there)).length, 600);
});
