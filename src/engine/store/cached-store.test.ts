import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Serde } from '../serde.ts';
import { CachedStore, type RefusedEntry } from './cached-store.ts';
import { Digest, entryHash } from './digest.ts';
import { NotLoaded } from './key-value-store.ts';
import { memoryDatabases } from './memory/memory-database.ts';
import type { Database } from './port.ts';
import { type Timer, TimerQueue, timerSerde } from './timer-queue.ts';

const fail = ({ error }: RefusedEntry) => {
  throw error;
};

const json: Serde<number> = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(bytes.toString()),
  prepare: async () => {},
  fingerprint: Buffer.from('json'),
  framing: 0,
};

const open = () => memoryDatabases().open('task');

async function commit<V>(store: CachedStore<V>, database: Database): Promise<void> {
  await database.write([], { held: [store.takeDirty(fail)] });
}

const prefix = (store: CachedStore<number>, begin: string) =>
  store.keysWith(begin).flatMap((key) => {
    const value = store.get(key);
    return value === undefined ? [] : [[key, value]];
  });

/** A step of a store's history: a batch of changes that ends with a commit. */
const history = fc.array(
  fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.option(fc.nat(9))), { maxLength: 6 }),
  { maxLength: 8 },
);

it('agrees with a map whatever the capacity of its cache, and its digest with a recomputed one', async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.nat(4), fc.boolean(), async (batches, capacity, isEmpty) => {
      const database = await open();
      const store = new CachedStore('counts', database, json, capacity);
      if (isEmpty) store.beginsEmpty();
      const model = new Map<string, number>();
      for (const batch of batches) {
        await store.load(batch.map(([key]) => key));
        for (const [key, value] of batch) {
          assert.equal(store.get(key), model.get(key));
          if (value === null) {
            store.delete(key, 1);
            model.delete(key);
          } else {
            store.put(key, value, 1);
            model.set(key, value);
          }
        }
        await commit(store, database);
      }
      const entries = new Map<string, number>();
      for await (const [key, value] of store.entries()) entries.set(key, value);
      assert.deepEqual(entries, new Map([...model].sort()));
      const expected = new Digest();
      for (const [key, value] of model) {
        expected.add(entryHash(Buffer.from(key), json.encode(value), json.fingerprint));
      }
      assert.equal(store.digest.toString(), expected.toString());
    }),
  );
});

it('says what has yet to be loaded', async () => {
  const store = new CachedStore('counts', await open(), json, 10);
  assert.throws(
    () => store.get('a'),
    (error) => error instanceof NotLoaded && error.read === 'a',
  );
});

it('hands out a key that came and went within one commit to nobody', async () => {
  const store = new CachedStore('counts', await open(), json, 10);
  await store.load(['a']);
  store.put('a', 1, 5);
  store.delete('a', 6);
  assert.equal(store.takeDirty(fail).length, 0);
});

it('gives a changed key once, with its last value and newest time', async () => {
  const store = new CachedStore('counts', await open(), json, 10);
  await store.load(['a']);
  store.put('a', 1, 7);
  store.put('a', 2, 3);
  const changes = store.takeDirty(fail);
  assert.equal(changes.length, 1);
  assert.deepEqual([changes.key(0), changes.value(0)], [store.entry('a'), Buffer.from('2')]);
  assert.equal(store.entry('a').timestamp, 7);
  assert.equal(store.takeDirty(fail).length, 0);
});

it('digest: what is added and subtracted in any order leaves the rest', () => {
  const entry = fc.uint8Array({ maxLength: 20 });
  fc.assert(
    fc.property(fc.array(entry), fc.array(entry), (kept, passing) => {
      const hash = (bytes: Uint8Array) => entryHash(Buffer.from(bytes), Buffer.from(bytes), Buffer.from('f'));
      const digest = new Digest();
      for (const bytes of passing) digest.add(hash(bytes));
      for (const bytes of kept) digest.add(hash(bytes));
      for (const bytes of passing.toReversed()) digest.subtract(hash(bytes));
      const expected = new Digest();
      for (const bytes of kept.toReversed()) expected.add(hash(bytes));
      assert.equal(digest.toString(), expected.toString());
      assert.equal(Digest.fromHex(digest.toString()).toString(), digest.toString());
    }),
  );
});

it('timers fire by due time, then key, once each, and survive in their store', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.option(fc.nat(20)), fc.constantFrom(3, 9, Infinity)),
      ),
      fc.nat(20),
      async (changes, watermark) => {
        const database = await open();
        const store = new CachedStore('timers', database, timerSerde, 10);
        await store.load(['a', 'b', 'c', 'd']);
        const queue = new TimerQueue(store);
        const model = new Map<string, Omit<Timer, 'key'>>();
        for (const [key, due, holdMs] of changes) {
          if (due === null) {
            queue.clear(key, 1);
            model.delete(key);
          } else {
            queue.set(key, due, 1, holdMs);
            model.set(key, { dueMs: due, holdMs });
          }
        }
        await commit(store, database);
        const reopened = new TimerQueue(new CachedStore('timers', database, timerSerde, 10));
        await reopened.open();
        await reopened.store.load([...model.keys()]);
        const expected = [...model]
          .filter(([, { dueMs }]) => dueMs <= watermark)
          .sort(([a, { dueMs: dueA }], [b, { dueMs: dueB }]) => dueA - dueB || (a < b ? -1 : 1));
        const leastHold = () => Math.min(...Array.from(model.values(), ({ holdMs }) => holdMs));
        const all = leastHold();
        for (const timers of [queue, reopened]) {
          assert.deepEqual(new Set(timers.dueKeys(watermark)), new Set(expected.map(([key]) => key)));
          assert.equal(timers.leastHold, all);
          for (const [key, timer] of expected) assert.deepEqual(timers.pop(watermark), { key, ...timer });
          assert.equal(timers.pop(watermark), undefined);
        }
        for (const [key] of expected) model.delete(key);
        for (const timers of [queue, reopened]) assert.equal(timers.leastHold, leastHold());
      },
    ),
  );
});

it('walks a prefix in the order of keys, with what has been written since the last commit', async () => {
  const database = await open();
  const store = new CachedStore('counts', database, json, 10);
  await store.load(['a/2', 'a/1', 'b/1']);
  for (const key of ['a/2', 'a/1', 'b/1']) store.put(key, 1, 0);
  await database.write([], { held: [store.takeDirty(fail)] });
  assert.throws(() => store.keysWith('a/'), NotLoaded);
  await store.load(['a/3', 'a/1']);
  store.put('a/3', 3, 0);
  store.delete('a/1', 0);
  await store.load([{ prefix: 'a/' }]);
  assert.deepEqual(prefix(store, 'a/'), [
    ['a/2', 1],
    ['a/3', 3],
  ]);
  await store.load(['a/0']);
  store.put('a/0', 0, 0);
  assert.deepEqual(prefix(store, 'a/'), [
    ['a/0', 0],
    ['a/2', 1],
    ['a/3', 3],
  ]);
});

it('of a store that begins empty nothing is looked up in the database but what has been there before', async () => {
  const looked: string[] = [];
  const database = await open();
  const watched: Database = Object.create(database, {
    getMany: {
      value: (keys: readonly Buffer[]) => {
        looked.push(...keys.map((key) => key.toString('utf8', key.length - 1)));
        return database.getMany(keys);
      },
    },
  });
  const store = new CachedStore('counts', watched, json, 1);
  store.beginsEmpty();
  for (const key of ['a', 'b', 'a', 'c']) {
    await store.load([key]);
    store.put(key, (store.get(key) ?? 0) + 1, 1);
    await database.write([], { held: [store.takeDirty(fail)] });
    // An entry that was used is spared once.
    store.takeDirty(fail);
  }
  assert.deepEqual(looked, ['a']);
  await store.load(['a']);
  assert.equal(store.get('a'), 2);
});
