import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Serde } from '../serde.ts';
import { CachedStore } from './cached-store.ts';
import { memoryDatabases } from './memory/memory-database.ts';
import type { Change, Database, DatabaseProvider, KeyRange } from './port.ts';
import { writeBehind } from './write-behind.ts';

const bytes = (text: string) => Buffer.from(text);

/** Databases whose writes take their time, and fail from a given one on. */
function slow(writes: Change[][], failFrom = Number.POSITIVE_INFINITY): DatabaseProvider {
  const memory = memoryDatabases();
  return {
    open: async (name): Promise<Database> => {
      const database = await memory.open(name);
      return Object.assign(Object.create(database) as Database, {
        getMany: (keys: readonly Buffer[]) => database.getMany(keys),
        scan: (range: KeyRange) => database.scan(range),
        snapshot: () => database.snapshot(),
        close: () => database.close(),
        write: async (changes: readonly Change[]) => {
          for (let turn = 0; turn < 5; turn++) await Promise.resolve();
          if (writes.length >= failFrom) throw new Error('disk full');
          writes.push(changes.map(({ key, value }) => ({ key, value: value && Buffer.from(value) })));
          await database.write(changes);
        },
      });
    },
    destroy: (name) => memory.destroy(name),
  };
}

it('reads as a map does at every moment, and writes each batch whole, in order', async () => {
  const step = fc.tuple(
    fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.option(fc.nat(9))), { maxLength: 4 }),
    fc.constantFrom({}, { inBulk: true }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const writes: Change[][] = [];
      const database = await writeBehind(slow(writes), { keys: 3, bytes: 20, writes: 2 }).open('task');
      const model = new Map<string, string>();
      const history = [JSON.stringify([])];
      for (const [changes, manner] of steps) {
        const write = database.write(
          changes.map(([key, value]) => ({
            key: bytes(key),
            value: value === null ? null : bytes(String(value)),
          })),
          manner,
        );
        for (const [key, value] of changes) {
          if (value === null) model.delete(key);
          else model.set(key, String(value));
        }
        history.push(JSON.stringify([...model].sort()));
        const read = await database.getMany(['a', 'b', 'c', 'd'].map(bytes));
        assert.deepEqual(
          read.map((value) => value?.toString()),
          ['a', 'b', 'c', 'd'].map((key) => model.get(key)),
        );
        await write;
      }
      await database.close();
      // What a crash would have left behind after each batch is what some write left, later and later ones.
      const below = new Map<string, string>();
      let at = 0;
      for (const batch of writes) {
        for (const { key, value } of batch) {
          if (value === null) below.delete(key.toString());
          else below.set(key.toString(), value.toString());
        }
        at = history.indexOf(JSON.stringify([...below].sort()), at);
        assert.ok(at >= 0, 'a batch left what no write has left');
      }
      assert.deepEqual([...below].sort(), [...model].sort());
    }),
  );
});

/** Numbers, of which 7 has no encoding. */
const digits: Serde<number> = {
  encode: (value) => {
    if (value === 7) throw new Error('no 7');
    return bytes('x'.repeat(value) + value);
  },
  decode: (encoded) => Number(encoded.toString().replaceAll('x', '')),
  prepare: async () => {},
  fingerprint: bytes('digits'),
  framing: 0,
};

it('a store’s changes that are held agree with a map, and a crash leaves what some commit has left', async () => {
  const commit = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'é'), fc.option(fc.nat(9))), {
    maxLength: 5,
  });
  const step = fc.tuple(commit, fc.constantFrom('nothing', 'snapshot', 'scan'));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.nat(3), async (steps, capacity) => {
      const writes: Change[][] = [];
      const database = await writeBehind(slow(writes), { keys: 4, bytes: 40, writes: 3 }).open('task');
      const store = new CachedStore('digits', database, digits, capacity);
      const model = new Map<string, number>();
      const commits: string[] = [];
      for (const [i, [changes, between]] of steps.entries()) {
        await store.load(changes.map(([key]) => key));
        const before = new Map(model);
        for (const [key, value] of changes) {
          assert.equal(store.get(key), model.get(key));
          if (value === null) store.delete(key, 1);
          else store.put(key, value, 1);
          if (value === null) model.delete(key);
          else model.set(key, value);
        }
        const held = store.takeDirty(({ key }) => {
          const committed = before.get(key);
          if (committed === undefined) model.delete(key);
          else model.set(key, committed);
        });
        commits.push(JSON.stringify([...model].sort()));
        await database.write([{ key: bytes('mark'), value: bytes(String(i)) }], { held: [held] });
        if (between === 'snapshot') await database.snapshot().close();
        if (between === 'scan') {
          const found = new Map<string, number>();
          for await (const [key, value] of store.entries()) found.set(key, value);
          assert.deepEqual([...found].sort(), [...model].sort());
        }
      }
      await database.close();
      const below = new Map<string, string>();
      for (const batch of writes) {
        for (const { key, value } of batch) {
          if (value === null) below.delete(key.toString());
          else below.set(key.toString(), value.toString());
        }
        const mark = Number(below.get('mark'));
        const rows = Array.from(
          below,
          ([key, value]) => [key.slice(8), digits.decode(bytes(value))] as const,
        );
        const stored = rows.filter(([key]) => key !== '').sort();
        assert.equal(JSON.stringify(stored), commits[mark]);
      }
      assert.equal(Number(below.get('mark') ?? -1), commits.length - 1);
    }),
  );
});

it('the memory of a commit’s changes serves another only when the database below has them', async () => {
  const { prepare, fingerprint, framing } = digits;
  const texts: Serde<string> = { encode: bytes, decode: String, prepare, fingerprint, framing };
  const writes: Change[][] = [];
  const database = await writeBehind(slow(writes), { keys: 1, bytes: 1, writes: 1 }).open('task');
  const store = new CachedStore('texts', database, texts, 1);
  const values = Array.from('abcdefgh', (letter) => letter.repeat(5_000));
  for (const value of values) {
    await store.load(['key']);
    store.put('key', value, 1);
    await database.write([], { held: [store.takeDirty(({ error }) => assert.ifError(error))] });
  }
  await database.close();
  assert.deepEqual(
    writes.map((batch) => batch.map(({ value }) => String(value))),
    values.map((value) => [value]),
  );
});

it('a write that fails below is told to the owner, and reads go on seeing what it wrote', async () => {
  const database = await writeBehind(slow([], 0), { keys: 10, bytes: 1_000, writes: 1 }).open('task');
  await database.write([{ key: bytes('a'), value: bytes('1') }]);
  await assert.rejects(() => database.write([{ key: bytes('b'), value: bytes('2') }]), /disk full/);
  assert.deepEqual((await database.getMany([bytes('a')])).map(String), ['1']);
  await assert.rejects(() => database.close(), /disk full/);
});
