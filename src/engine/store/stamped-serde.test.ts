import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Serde } from '../serde.ts';
import { json } from '../testing/json-topic.ts';
import { CachedStore } from './cached-store.ts';
import { memoryDatabases } from './memory/memory-database.ts';
import { stampedSerde } from './stamped-serde.ts';

const into: Serde<string> = {
  ...json<string>(),
  encodeInto: (value, target, at) => {
    const bytes = json<string>().encode(value);
    if (at + bytes.length > target.length) return target.length - at - bytes.length;
    return at + bytes.copy(target, at);
  },
};

it('a value and its time are read as they were written, wherever they fit', () => {
  for (const inner of [json<string>(), into]) {
    const serde = stampedSerde(inner);
    const law = fc.property(fc.string(), fc.maxSafeNat(), fc.nat(80), fc.nat(5), (value, ms, room, at) => {
      const target = Buffer.alloc(at + room);
      const { length } = serde.encode(value);
      const end = serde.stampInto(value, ms, target, at);
      if (room < length) assert.equal(end, room - length, 'what is missing');
      else {
        const bytes = target.subarray(at, end);
        assert.deepEqual([serde.decode(bytes), serde.timestampOf(bytes)], [value, ms]);
      }
    });
    fc.assert(law);
  }
});

it('bytes that are too few are a damaged store', () => {
  const text: Serde<string> = { ...json(), encode: Buffer.from, decode: String };
  for (let length = 0; length < 8; length++)
    assert.throws(() => stampedSerde(text).decode(Buffer.alloc(length)), { code: 'MR_STORE_CORRUPT' });
});

it('a store keeps the time that it was last given, wherever the commits fall, and whatever leaves memory', async () => {
  type Change = readonly [value: number | null, ms: number, commits: boolean];
  const value: fc.Arbitrary<number | null> = fc.option(fc.nat(9));
  const change: fc.Arbitrary<Change> = fc.tuple(value, fc.nat(50), fc.boolean());
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 20 }), fc.constantFrom(0, 10), async (all, capacity) => {
      const database = await memoryDatabases().open('one');
      const store = new CachedStore('timed', database, stampedSerde(json<number>()), capacity);
      for (const [value, ms, commits] of all) {
        await store.load(['k']);
        if (value === null) store.delete('k', ms);
        else store.put('k', value, ms);
        if (commits) await database.write([], { held: [store.takeDirty(() => assert.fail())] });
      }
      await store.load(['k']);
      const [value = null, ms] = all.at(-1) ?? [];
      assert.equal(store.get('k'), value ?? undefined);
      if (value !== null) assert.equal(store.entry('k').timestamp, ms);
    }),
  );
});
