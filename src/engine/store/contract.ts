import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { errorCode } from '#platform';
import { json } from '../testing/json-topic.ts';
import { CachedStore } from './cached-store.ts';
import type { Change, Database, DatabaseProvider, DatabaseReads, KeyRange } from './port.ts';

type OpenProvider = (t: {
  after: (undo: () => unknown) => void;
}) => DatabaseProvider | Promise<DatabaseProvider>;

const bytes = (text: string) => Buffer.from(text);
const put = (key: string, value: string): Change => ({ key: bytes(key), value: bytes(value) });
const everything: KeyRange = { gte: bytes(''), lt: Buffer.from([0xfe]) };

/** What every adapter of the database port promises. */
export function databaseContract(name: string, open: OpenProvider): void {
  describe(`${name}: database contract`, () => {
    it('returns values in the order of the requested keys, null where there is none', async (t) => {
      const database = await (await open(t)).open('task');
      await database.write([put('a', '1'), put('b', '2')]);
      const values = await database.getMany([bytes('b'), bytes('missing'), bytes('a')]);
      assert.deepEqual(values.map(text), ['2', null, '1']);
      assert.deepEqual(await database.getMany([]), []);
      const many = Array.from({ length: 1_500 }, (_, i) => String((i * 7) % 1_500));
      await database.write(many.filter((key) => Number(key) % 3 > 0).map((key) => put(key, key)));
      assert.deepEqual(
        (await database.getMany(many.map(bytes))).map(text),
        many.map((key) => (Number(key) % 3 > 0 ? key : null)),
      );
      await database.close();
    });

    it('deletes with a null value, and keeps the last of several changes to a key', async (t) => {
      const database = await (await open(t)).open('task');
      await database.write([put('a', '1'), put('a', '2'), { key: bytes('b'), value: null }]);
      await database.write([{ key: bytes('a'), value: null }, put('b', '')]);
      assert.deepEqual((await database.getMany([bytes('a'), bytes('b')])).map(text), [null, '']);
      await database.close();
    });

    it('scans a range in bytewise order, its end excluded', async (t) => {
      const database = await (await open(t)).open('task');
      const keys = Array.from({ length: 600 }, (_, i) => String(i).padStart(4, '0'));
      await database.write(keys.toReversed().map((key) => put(key, key)));
      const scanned = await scan(database, { gte: bytes('0100'), lt: bytes('0500') });
      assert.deepEqual(scanned, keys.slice(100, 500));
      await database.close();
    });

    it('deletes a range, its end excluded', async (t) => {
      const database = await (await open(t)).open('task');
      await database.write([put('a', '1'), put('b', '2'), put('c', '3')]);
      await database.deleteRange({ gte: bytes('a'), lt: bytes('c') });
      assert.deepEqual(await scan(database, everything), ['c']);
      await database.close();
    });

    it('gives a snapshot of one instant, whatever is written while it is read', async (t) => {
      const database = await (await open(t)).open('task');
      const keys = Array.from({ length: 600 }, (_, i) => String(i).padStart(4, '0'));
      await database.write(keys.map((key) => put(key, 'old')));
      const before = database.snapshot();
      const write = database.write(keys.map((key) => put(key, 'new')));
      const during = database.snapshot();
      await write;
      await database.deleteRange({ gte: bytes('0100'), lt: bytes('0500') });
      const valuesOf = async (reads: DatabaseReads) => {
        const values: (string | null)[] = [];
        for await (const chunk of reads.scan(everything))
          values.push(...chunk.map(({ value }) => text(value)));
        return values;
      };
      assert.deepEqual(
        await valuesOf(before),
        keys.map(() => 'old'),
      );
      assert.deepEqual((await before.getMany([bytes('0000'), bytes('0200')])).map(text), ['old', 'old']);
      assert.equal(new Set(await valuesOf(during)).size, 1, 'a write is in a snapshot whole or not at all');
      assert.equal((await valuesOf(database)).length, 200);
      await before.close();
      await during.close();
      await database.close();
    });

    it('keeps its contents over close and open, and loses them when destroyed', async (t) => {
      const provider = await open(t);
      const first = await provider.open('task');
      await first.write([put('a', '1')]);
      await first.close();
      const second = await provider.open('task');
      assert.deepEqual(await scan(second, everything), ['a']);
      await second.close();
      await provider.destroy('task');
      const third = await provider.open('task');
      assert.deepEqual(await scan(third, everything), []);
      await third.close();
    });

    it('keeps databases of different names apart', async (t) => {
      const provider = await open(t);
      const one = await provider.open('one');
      const other = await provider.open('other');
      await one.write([put('a', '1')]);
      assert.deepEqual(await scan(other, everything), []);
      await one.close();
      await other.close();
    });
  });
}

/** What a store promises over any database: to read as a map does, by key and by prefix, over commits and restarts. */
export function keyValueStoreContract(name: string, open: OpenProvider): void {
  it(`${name}: a store reads as a map does, by key and by prefix, over commits and restarts`, async (t) => {
    const provider = await open(t);
    const keyOf = fc.string({ unit: fc.constantFrom('a', 'b', '\u00e4', '\uffff'), maxLength: 3 });
    const changes = fc.array(fc.tuple(keyOf, fc.option(fc.nat(9))), { maxLength: 12 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(changes, { maxLength: 4 }), keyOf, async (commits, prefix) => {
        const database = await provider.open(`store-${run++}`);
        const model = new Map<string, number>();
        for (const [i, commit] of commits.entries()) {
          const store = new CachedStore('values', database, json<number>(), 2);
          await store.load([{ prefix }, ...commit.map(([key]) => key)]);
          for (const [key, value] of commit) {
            if (value === null) store.delete(key, i);
            else store.put(key, value, i);
            if (value === null) model.delete(key);
            else model.set(key, value);
            assert.equal(store.get(key), value ?? undefined);
          }
          const expected = [...model].filter(([key]) => key.startsWith(prefix));
          assert.deepEqual(
            store
              .keysWith(prefix)
              .flatMap((key) => (store.get(key) === undefined ? [] : [[key, store.get(key)]])),
            expected.sort(([a], [b]) => (a < b ? -1 : 1)),
          );
          const dirty = store.takeDirty(({ error }) => {
            throw error;
          });
          await database.write([], { held: [dirty] });
        }
        const reopened = new CachedStore('values', database, json<number>(), 2);
        const entries = new Map<string, number>();
        for await (const [key, value] of reopened.entries()) entries.set(key, value);
        assert.deepEqual(entries, new Map([...entries.keys()].map((key) => [key, model.get(key) as number])));
        assert.equal(entries.size, model.size);
        await database.close();
      }),
      { numRuns: 15 },
    );
  });
}

/** What every adapter over files promises beside. */
export function fileDatabaseContract(name: string, open: OpenProvider): void {
  it(`${name}: a database has one owner`, async (t) => {
    const provider = await open(t);
    const owner = await provider.open('task');
    await assert.rejects(
      () => provider.open('task'),
      (error) => errorCode(error) === 'MR_STORE_LOCKED',
    );
    await owner.close();
  });
}

function text(value: Buffer | null): string | null {
  return value === null ? null : value.toString();
}

async function scan(database: Database, range: KeyRange): Promise<string[]> {
  const keys: string[] = [];
  for await (const chunk of database.scan(range)) for (const { key } of chunk) keys.push(key.toString());
  return keys;
}
