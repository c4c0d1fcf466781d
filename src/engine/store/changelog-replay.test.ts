import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { json } from '../testing/json-topic.ts';
import { ChangelogReplay } from './changelog-replay.ts';
import { storePrefix } from './database-keys.ts';
import { Digest, entryHash } from './digest.ts';
import { memoryDatabases } from './memory/memory-database.ts';
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

it('any chunks of a changelog leave the digest and the rows of its records one by one, on an empty store or not', async () => {
  await fc.assert(
    fc.asyncProperty(rowsOf, fc.array(rowsOf, { maxLength: 5 }), async (present, chunks) => {
      const database = await writeBehind(memoryDatabases(), {
        keys: 100,
        bytes: 1_000_000,
        writes: 100,
      }).open('task');
      const digest = new Digest();
      const prefix = storePrefix(NAME);
      const store = { name: NAME, digest, serde };
      const replayed = async (replay: ChangelogReplay, rows: readonly Row[]) => {
        const keys = rows.map(([key]) => Buffer.from(key));
        const values = rows.map(([, value]) => (value === null ? null : serde.encode(value)));
        await database.write(await replay.take({ keys, values }), 'in-bulk');
      };
      if (present.length > 0) await replayed(new ChangelogReplay(store, database, undefined), present);
      const replay = new ChangelogReplay(store, database, present.length > 0 ? undefined : 2);
      for (const rows of chunks) await replayed(replay, rows);
      const expected = leftBy([...present, ...chunks.flat()]);
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
