import assert from 'node:assert/strict';
import { it } from 'node:test';
import { RetryableError } from '#platform';
import type { Serde } from '../../serde.ts';
import { memoryDatabases } from '../../store/memory/memory-database.ts';
import type { Change } from '../../store/port.ts';
import { json } from '../../testing/json-topic.ts';
import { GlobalRowStore } from './global-rows.ts';

async function open(capacity: number, serde: Serde<unknown> = json()) {
  const database = await memoryDatabases().open('rows');
  const rows = new GlobalRowStore(database, serde, capacity);
  const read: string[][] = [];
  const getMany = database.getMany.bind(database);
  database.getMany = (keys) => {
    read.push(keys.map((key) => key.toString('utf8', 2)));
    return getMany(keys);
  };
  const put = (changes: Readonly<Record<string, unknown>>): Promise<void> => {
    const written = Object.entries(changes).map(([key, row]): Change => {
      return rows.change(key, row === null ? null : Buffer.from(JSON.stringify(row)), row ?? undefined);
    });
    return database.write(written);
  };
  return { rows, put, read, database };
}

it('a row is read once, and changed in memory where it is there', async () => {
  const { rows, put, read } = await open(10);
  await put({ a: 1, ä: 2 });
  await rows.load(['a', 'ä', 'b', 'a']);
  assert.deepEqual([rows.get('a'), rows.get('ä'), rows.get('b')], [1, 2, undefined]);
  await put({ a: null, b: 3, c: 4 });
  await rows.load(['a', 'b', 'c']);
  assert.deepEqual([rows.get('a'), rows.get('b'), rows.get('c')], [undefined, 3, 4]);
  assert.deepEqual(read, [['a', 'ä', 'b'], ['c']]);
  assert.deepEqual(await Array.fromAsync(rows.entries()), [
    ['b', 3],
    ['c', 4],
    ['ä', 2],
  ]);
});

it('memory holds so many rows, those that are used above all', async () => {
  const { rows, put, read } = await open(3);
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
  await put(Object.fromEntries(keys.map((key) => [key, key])));
  for (const key of keys) {
    await rows.load([key, 'k0']);
    assert.deepEqual(
      [rows.get('k0'), rows.get(key)],
      ['k0', key],
      'whatever is loaded stays until it is used',
    );
    rows.evict();
  }
  const again = read.flat().filter((key) => key === 'k0').length;
  assert.ok(again <= keys.length / 3, `read ${again} times`);
  await rows.load(keys);
  assert.ok((read.at(-1)?.length ?? 0) >= keys.length - 3);
});

it('a row that was used since it was last looked at stays, in the place of one that was not', async () => {
  const { rows, put, read } = await open(2);
  await put({ a: 1, b: 2, c: 3, d: 4 });
  // All three have just been used: the first of them goes, and the others count as not used any more.
  await rows.load(['a', 'b', 'c']);
  rows.evict();
  await rows.load(['d']);
  rows.get('b');
  rows.evict();
  await rows.load(['b', 'd']);
  await rows.load(['c']);
  assert.deepEqual(read, [['a', 'b', 'c'], ['d'], ['c']]);
});

it('a row whose schema is new is decoded when that has been loaded; one that can’t be is damage', async () => {
  let isPrepared = false;
  const plain = json<unknown>();
  const { rows, put, database } = await open(10, {
    ...plain,
    decode: (bytes) => {
      if (!isPrepared) throw new RetryableError('MR_SCHEMA_NOT_LOADED', 'new');
      return plain.decode(bytes);
    },
    prepare: async () => {
      isPrepared = true;
    },
  });
  await put({ a: 1 });
  await rows.load(['a']);
  assert.equal(rows.get('a'), 1);
  await database.write([{ key: Buffer.from('\x01\x00b'), value: Buffer.from('{') }]);
  await assert.rejects(rows.load(['b']), { code: 'MR_STORE_CORRUPT' });
});
