import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { errorCode } from '#platform';
import { eventually, temporaryDirectory } from '#platform/testing';
import type { Database } from '../port.ts';
import type { HaltingOwner } from './fixtures/halting-owner.ts';
import { rocksDatabases } from './rocksdb-database.ts';

const MB = 1024 * 1024;
/** More than a write buffer. */
const FLUSHED_MB = 20;

/** A thread that halts as fixtures/halting-owner.ts says. */
async function haltedOwner(t: TestContext, directory: string, halts: HaltingOwner['halts']) {
  const goOn = new SharedArrayBuffer(4);
  const owner: HaltingOwner = { directory, halts, goOn };
  const worker = new Worker(join(import.meta.dirname, 'fixtures', 'halting-owner.ts'), { workerData: owner });
  t.after(() => worker.terminate());
  assert.deepEqual(await once(worker, 'message'), ['halted']);
  return async (): Promise<string> => {
    const ended = once(worker, 'message');
    Atomics.store(new Int32Array(goOn), 0, 1);
    Atomics.notify(new Int32Array(goOn), 0);
    return String((await ended)[0]);
  };
}

/** Writes until RocksDB has flushed a write buffer, which makes its MANIFEST longer. */
async function writeUntilFlushed(database: Database, directory: string): Promise<void> {
  const length = async () => {
    const name = await readFile(join(directory, 'store', 'CURRENT'), 'utf8');
    return statSync(join(directory, 'store', name.trim())).size;
  };
  const before = await length();
  for (let i = 0; i < FLUSHED_MB; i++)
    await database.write([{ key: Buffer.from(`row-${i}`), value: Buffer.alloc(MB, i) }]);
  for await (const _ of database.scan({ gte: Buffer.from('a'), lt: Buffer.from('b') }));
  await eventually('a flush', async () => (await length()) > before);
}

it('a successor that looked at the directory while its predecessor was writing opens it', async (t) => {
  const directory = temporaryDirectory(t);
  const predecessor = await rocksDatabases(directory).open('store');
  const goOn = await haltedOwner(t, directory, 'opening');
  await writeUntilFlushed(predecessor, directory);
  await predecessor.write([{ key: Buffer.from('last'), value: Buffer.from('1') }]);
  await predecessor.close();
  assert.equal(await goOn(), 'done');
});

it('a store that was opened while its predecessor was still closing is locked, not damaged', async (t) => {
  const directory = temporaryDirectory(t);
  const databases = rocksDatabases(directory);
  const goOn = await haltedOwner(t, directory, 'closing');
  const successor = await eventually('the lock', () =>
    databases.open('store').catch((error: unknown) => {
      assert.equal(errorCode(error), 'MR_STORE_LOCKED');
      return undefined;
    }),
  );
  assert.equal(await goOn(), 'done');
  await writeUntilFlushed(successor, directory);
  const third = await databases.open('store').catch(errorCode);
  assert.equal(third, 'MR_STORE_LOCKED');
  await successor.close();
  await (await databases.open('store')).close();
});
