import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { json } from '../testing/json-topic.ts';
import { ChangelogReplay } from './changelog-replay.ts';
import { storePrefix } from './database-keys.ts';
import { Digest, entryHash } from './digest.ts';
import { memoryDatabases } from './memory/memory-database.ts';
import type { Change, Database } from './port.ts';
import { keyHash, SeenKeys } from './seen-keys.ts';
import { writeBehind } from './write-behind.ts';

const NAME = 'counts/state';
const serde = json<number>();

type Row = readonly [key: string, value: number | null];

/** What the rows leave, and its digest, worked out one by one. */
function leftBy(rows: readonly Row[]) {
  const left = new Map<string, number>();
  for (const [key, value] of rows) {
    if (value === null) left.delete(key);
    else left.set(key, value);
  }
  const digest = new Digest();
  for (const [key, value] of left)
    digest.add(entryHash(Buffer.from(key), serde.encode(value), serde.fingerprint));
  return { left, digest: digest.toString() };
}

const rowsOf = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', ''), fc.option(fc.nat(9))), {
  maxLength: 8,
});

/** Hands rows over as a batch does, and writes what comes of them, sharing the bytes as restoring does. */
async function replay(target: ChangelogReplay, database: Database, rows: readonly Row[]) {
  for (const [key, value] of rows) {
    const bytes = Buffer.from(`--${key}${value === null ? '' : serde.encode(value)}--`);
    const keyEnd = 2 + Buffer.byteLength(key);
    target.add(bytes, 2, keyEnd, keyEnd, value === null ? -1 : bytes.length - 2);
  }
  target.add(Buffer.from('without a key'), 0, -1, 0, 7);
  for await (const changes of target.changes()) {
    const keys = changes.map(({ key }) => key);
    assert.deepEqual(keys, keys.toSorted(Buffer.compare));
    await database.write(changes, { inBulk: true });
  }
}

it('any runs of a changelog leave the digest and the rows of its records one by one, on an empty store or not', async () => {
  await fc.assert(
    fc.asyncProperty(rowsOf, fc.array(rowsOf, { maxLength: 5 }), async (present, runs) => {
      const limits = { keys: 100, bytes: 1_000_000, writes: 100 };
      const database = await writeBehind(memoryDatabases(), limits).open('task');
      const digest = new Digest();
      const prefix = storePrefix(NAME);
      const store = { name: NAME, digest, serde };
      const isEmpty = present.length === 0;
      if (!isEmpty) await replay(new ChangelogReplay(store, database, 2, true), database, present);
      const target = new ChangelogReplay(store, database, 2, isEmpty);
      for (const rows of runs) await replay(target, database, rows);
      const expected = leftBy([...present, ...runs.flat()]);
      assert.equal(digest.toString(), expected.digest);
      const rows = new Map<string, number>();
      for await (const chunk of database.scan({ gte: prefix, lt: Buffer.from([2]) })) {
        for (const { key, value } of chunk)
          rows.set(key.toString('utf8', prefix.length), JSON.parse(String(value)));
      }
      assert.deepEqual(rows, new Map([...expected.left].sort()));
      await database.close();
    }),
  );
});

it('a whole restore has the digest of its rows, whatever the framing and the fingerprint', async () => {
  for (const [framing, fingerprint] of [
    [5, 'a fingerprint of some length'],
    [5, 'abc'],
    [0, ''],
  ] as const) {
    const framed = { framing, fingerprint: Buffer.from(fingerprint) };
    const digest = new Digest();
    const expected = new Digest();
    const database = await memoryDatabases().open('task');
    const target = new ChangelogReplay({ name: NAME, digest, serde: framed }, database, 3, true);
    const values = new Map<string, string>();
    for (const value of ['12345', '12345 and more', '12345'.repeat(2_000)]) {
      const key = `key-${value.length}`;
      const bytes = Buffer.from(key + value);
      target.add(bytes, 0, key.length, key.length, bytes.length);
      expected.add(entryHash(Buffer.from(key), Buffer.from(value), framed.fingerprint, framing));
      values.set(key, value);
    }
    for await (const changes of target.changes()) {
      const rows = changes.map(({ key, value }) =>
        [key.subarray(storePrefix(NAME).length), value].map(String),
      );
      assert.deepEqual(new Map(rows as [string, string][]), values);
    }
    assert.equal(digest.toString(), expected.toString());
  }
});

for (const isEmpty of [true, false])
  it(`many records are written in the order of their keys, of each key the last, ${isEmpty ? 'of a whole restore in parts' : 'of a tail at once'}`, async () => {
    const database = await memoryDatabases().open('task');
    const target = new ChangelogReplay({ name: NAME, digest: new Digest(), serde }, database, 10, isEmpty);
    const keys = Array.from({ length: 12_000 }, (_, i) => `k${(i * 7_919) % 10_000}`);
    for (const [i, key] of keys.entries()) {
      const bytes = Buffer.from(`${key}${i}`);
      target.add(bytes, 0, key.length, key.length, bytes.length);
    }
    const written: Change[] = [];
    let writes = 0;
    for await (const changes of target.changes()) {
      writes++;
      written.push(...changes);
    }
    assert.equal(writes > 1, isEmpty);
    const newest = new Map(keys.map((key, i) => [key, String(i)]));
    assert.deepEqual(
      written.map(({ key, value }) => [key.toString('utf8', storePrefix(NAME).length), String(value)]),
      [...newest].sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  });

it('keys that were met are known again, and hardly any others, with more keys than were expected too', () => {
  for (const expected of [10, 20_000]) {
    const seen = new SeenKeys(expected);
    const hashes = Array.from({ length: 20_000 }, (_, i) => keyHash(Buffer.from(`user-${i}`)));
    for (const hash of hashes) seen.add(hash);
    assert.ok(hashes.every((hash) => seen.add(hash)));
  }
  const seen = new SeenKeys(20_000);
  let mistaken = 0;
  for (let i = 0; i < 20_000; i++) if (seen.add(keyHash(Buffer.from(`item-${i}`)))) mistaken++;
  assert.ok(mistaken < 200, `${mistaken} of 20000 new keys were taken for others`);
});
