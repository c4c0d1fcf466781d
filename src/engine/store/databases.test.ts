import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { errorCode } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { databaseContract, fileDatabaseContract, keyValueStoreContract } from './contract.ts';
import { memoryDatabases } from './memory/memory-database.ts';
import { rocksDatabases } from './rocksdb/rocksdb-database.ts';
import { writeBehind } from './write-behind.ts';

databaseContract('memory', () => memoryDatabases());
databaseContract('RocksDB', (t) => rocksDatabases(temporaryDirectory(t)));
databaseContract('memory, written late', () =>
  writeBehind(memoryDatabases(), { keys: 3, bytes: 1_000, writes: 2 }),
);
keyValueStoreContract('memory, written late', () =>
  writeBehind(memoryDatabases(), { keys: 3, bytes: 1_000, writes: 2 }),
);
keyValueStoreContract('memory', () => memoryDatabases());
keyValueStoreContract('RocksDB', (t) => rocksDatabases(temporaryDirectory(t)));
fileDatabaseContract('RocksDB', (t) => rocksDatabases(temporaryDirectory(t)));

it('RocksDB: a database that a cut MANIFEST has emptied is reported as damaged, not opened as new', async (t) => {
  const directory = temporaryDirectory(t);
  const provider = rocksDatabases(directory);
  const database = await provider.open('task');
  await database.write([{ key: Buffer.from('a'), value: Buffer.from('1') }]);
  await database.close();
  const files = join(directory, 'task');
  const manifest = readFileSync(join(files, 'CURRENT'), 'utf8').trim();
  truncateSync(join(files, manifest), 50);
  for (const log of readdirSync(files).filter((name) => name.endsWith('.log')))
    writeFileSync(join(files, log), '');
  await assert.rejects(
    () => provider.open('task'),
    (error) => errorCode(error) === 'MR_STORE_CORRUPT',
  );
});

it('RocksDB: every key is looked up, also where one is more than a thread takes', async (t) => {
  const provider = rocksDatabases(temporaryDirectory(t));
  const written = await provider.open('task');
  const keys = Array.from({ length: 1_025 }, (_, i) => Buffer.from(`${i}`));
  await written.write(keys.map((key) => ({ key, value: key })));
  // What is written late is in no memory any more.
  await written.close();
  const database = await provider.open('task');
  for (const count of [511, 512, 513, 1_024, 1_025]) {
    const found = await database.getMany(keys.slice(0, count));
    assert.deepEqual(found, keys.slice(0, count), `of ${count}`);
  }
  await database.close();
});
