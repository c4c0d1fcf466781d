import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { at, hasCode, keepForEver, readToEnd, text, values } from '../contract/opened.ts';
import { openEmbeddedLog } from './embedded-log.ts';
import { networkFileSystem, refuseNetworkFileSystem } from './file-system.ts';

const open = (directory: string) => openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });

/** A log with one record, closed again; its file. */
async function written(t: TestContext): Promise<{ directory: string; file: string }> {
  const directory = join(temporaryDirectory(t), 'deep', 'log');
  const log = await open(directory);
  await log.createTopics([{ name: 'in', partitions: 1, cleanup: keepForEver }]);
  const producer = await log.producer();
  await producer.append('in', 0, [text('kept')]);
  await log.close();
  return { directory, file: join(directory, 'log.sqlite') };
}

function edit(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

test('a log opened again has what was written', async (t) => {
  const { directory } = await written(t);
  const log = await open(directory);
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['kept']);
  await log.close();
});

test('closing leaves one file with all of it, and no WAL', async (t) => {
  const { directory } = await written(t);
  assert.equal(existsSync(join(directory, 'log.sqlite-wal')), false);
});

test('a file that is no database, or of another program, or of a newer version, is refused', async (t) => {
  const garbage = temporaryDirectory(t);
  writeFileSync(join(garbage, 'log.sqlite'), 'not a database, but long enough to look at'.repeat(100));
  await assert.rejects(open(garbage), hasCode('MR_LOG_NOT_A_LOG'));
  const foreign = temporaryDirectory(t);
  edit(join(foreign, 'log.sqlite'), 'CREATE TABLE theirs (x)');
  await assert.rejects(open(foreign), hasCode('MR_LOG_NOT_A_LOG'));
  const { directory, file } = await written(t);
  edit(file, 'PRAGMA user_version = 4');
  await assert.rejects(open(directory), hasCode('MR_LOG_NEWER_FORMAT'));
  edit(file, 'PRAGMA user_version = 3');
  await (await open(directory)).close();
});

test('a log of the format before packed batches is read, and is of the present one from then on', async (t) => {
  const { directory, file } = await written(t);
  edit(file, 'PRAGMA user_version = 1');
  const log = await open(directory);
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['kept']);
  await log.close();
  const database = new DatabaseSync(file);
  assert.equal(database.prepare('PRAGMA user_version').get()?.user_version, 3);
  database.close();
});

test('a directory that cannot be made is refused', async (t) => {
  const path = join(temporaryDirectory(t), 'file');
  writeFileSync(path, '');
  await assert.rejects(open(join(path, 'log')), hasCode('MR_LOG_CANT_OPEN'));
});

test('a damaged batch is reported by the reader, and does not hide other partitions', async (t) => {
  const { directory, file } = await written(t);
  edit(file, `UPDATE records_1 SET batch = CAST(substr(batch, 1, 40) || x'FF' || substr(batch, 42) AS BLOB)`);
  const log = await open(directory);
  t.after(() => log.close());
  await assert.rejects(readToEnd(log, [at('in')]), hasCode('MR_LOG_CORRUPT'));
  await log.createTopics([{ name: 'other', partitions: 1, cleanup: keepForEver }]);
  const producer = await log.producer();
  await producer.append('other', 0, [text('fine')]);
  const consumer = await log.consumer();
  consumer.assign([
    { ...at('other'), offset: 0 },
    { ...at('in'), offset: 0 },
  ]);
  assert.equal((await consumer.poll(1000)).length, 1);
  await assert.rejects(consumer.poll(1000), hasCode('MR_LOG_CORRUPT'));
});

test('network file systems are refused by their type', { skip: process.platform !== 'linux' }, async () => {
  const types = { NFS: 0x6969, CIFS: -11317950, SMB2: 0xfe534d42, FUSE: 0x65735546, '9P': 0x01021997 };
  for (const [name, type] of Object.entries(types)) {
    assert.equal(networkFileSystem(type), name);
    await assert.rejects(
      refuseNetworkFileSystem('/mnt', async () => type),
      hasCode('MR_LOG_NETWORK_FS'),
    );
  }
  const local = { ext4: 0xef53, xfs: 0x58465342, btrfs: 0x9123683e, tmpfs: 0x01021994, overlay: 0x794c7630 };
  for (const type of Object.values(local)) await refuseNetworkFileSystem('/mnt', async () => type);
});

test('a worker thread shares the writer of its process; closing the owner closes it', {
  timeout: 120_000,
}, async (t) => {
  const directory = temporaryDirectory(t);
  const log = await open(directory);
  await log.createTopics([{ name: 'in', partitions: 1, cleanup: keepForEver }]);
  const connection = log.connect();
  const worker = new Worker(new URL('./fixtures/connected-worker.ts', import.meta.url), {
    workerData: { directory, connection },
    transferList: [connection],
  });
  const exited = once(worker, 'exit');
  const [appended] = await once(worker, 'message');
  assert.equal(appended, 'appended');
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['of the worker']);
  const ending = once(worker, 'message');
  await log.close();
  assert.deepEqual(await ending, ['MR_LOG_CLOSED']);
  await exited;
  assert.throws(() => log.connect(), hasCode('MR_LOG_CLOSED'));
});

test('readers that never pause do not let the WAL grow without limit', { timeout: 180_000 }, async (t) => {
  const directory = temporaryDirectory(t);
  const log = await open(directory);
  t.after(() => log.close());
  await log.createTopics([{ name: 'in', partitions: 1, cleanup: keepForEver }]);
  const producer = await log.producer();
  const consumer = await log.consumer();
  consumer.assign([{ ...at('in'), offset: 0 }]);
  const value = Buffer.alloc(1000, 'x');
  const records = Array.from({ length: 1000 }, () => ({ key: null, value, timestamp: 1 }));
  let read = 0;
  let largest = 0;
  for (let i = 0; i < 120; i++) {
    await Promise.all([
      producer.append('in', 0, records),
      consumer.poll(0).then((batches) => {
        for (const batch of batches) read += batch.count;
      }),
    ]);
    largest = Math.max(largest, statSync(join(directory, 'log.sqlite-wal')).size);
  }
  assert.ok(read > 50_000);
  assert.ok(largest < 80 * 1024 * 1024, `${largest} bytes`);
});
