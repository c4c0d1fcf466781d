import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { json } from '../testing/json-topic.ts';
import { type Entry, timestampedList, withEntry } from './timestamped-list.ts';
import { forgottenAtMs, type VersionedRow, valueAsOf, withVersion } from './versioned.ts';

const HISTORY_MS = 20;
const change = fc.record({ timestamp: fc.nat(60), value: fc.option(fc.nat(9)) });

describe('a versioned row', () => {
  it('answers as the whole history would, as far back as it goes', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 30 }), (changes) => {
        let row: VersionedRow<number> | undefined;
        const taken = new Map<number, number | null>();
        for (const each of changes) {
          const newest = Math.max(...taken.keys(), each.timestamp);
          const next = withVersion(row, each, HISTORY_MS);
          assert.equal(next === undefined, each.timestamp < newest - HISTORY_MS);
          if (next === undefined) continue;
          row = next;
          taken.set(each.timestamp, each.value);
        }
        const newest = Math.max(...taken.keys());
        const times = [...taken.keys()].sort((a, b) => b - a);
        for (let ms = newest - HISTORY_MS; ms <= newest + 1; ms++) {
          const at = times.find((time) => time <= ms);
          const expected = at === undefined ? undefined : (taken.get(at) ?? undefined);
          assert.equal(valueAsOf(row, ms, HISTORY_MS), expected, `as of ${ms}`);
        }
        assert.equal(valueAsOf(row, newest - HISTORY_MS - 1, HISTORY_MS), undefined, 'before the history');
        const older = row?.filter(({ timestamp }) => timestamp <= newest - HISTORY_MS) ?? [];
        assert.ok(older.length <= 1, 'what is past the history is forgotten');
        const removed = taken.get(newest) === null;
        assert.equal(forgottenAtMs(row as never, HISTORY_MS), removed ? newest + HISTORY_MS : undefined);
      }),
    );
  });
});

it('a row without a history is its newest version alone', () => {
  const first = withVersion<number>(undefined, { timestamp: 5, value: 1 }, 0);
  assert.deepEqual(withVersion(first, { timestamp: 6, value: 2 }, 0), [
    { timestamp: 6, value: 2, marked: false },
  ]);
  assert.equal(withVersion(first, { timestamp: 4, value: 2 }, 0), undefined);
});

describe('a list of timestamped values', () => {
  const entry: fc.Arbitrary<Entry<number>> = fc.record(
    { timestamp: fc.nat(), value: fc.option(fc.nat()), marked: fc.boolean() },
    { noNullPrototype: true },
  );
  /** Numbers in JSON behind a schema id, as a registry's serde writes them. */
  const framed = (id: number) => ({
    ...json<number>(),
    encode: (value: number) => Buffer.concat([Buffer.from([0, id]), json<number>().encode(value)]),
    decode: (bytes: Buffer) => {
      assert.equal(bytes[1], id);
      return json<number>().decode(bytes.subarray(2));
    },
    framing: 2,
  });

  it('is read as it was written, and names the schema id in its framing alone', () => {
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const [one, two] = [timestampedList(framed(1)), timestampedList(framed(2))];
        assert.deepEqual(one.decode(one.encode(entries)), entries);
        assert.deepEqual(
          one.encode(entries).subarray(one.framing),
          two.encode(entries).subarray(two.framing),
        );
      }),
    );
  });

  it('refuses bytes that are cut short', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1 }), fc.nat(), (entries, cut) => {
        const serde = timestampedList(framed(1));
        const bytes = serde.encode(entries);
        assert.throws(() => serde.decode(bytes.subarray(0, cut % bytes.length)), {
          code: 'MR_STORE_CORRUPT',
        });
      }),
    );
  });

  it('prepares to read by the first value there is', async () => {
    const prepared: string[] = [];
    const inner = {
      ...framed(1),
      prepare: async (bytes: Buffer) => void prepared.push(bytes.toString('latin1')),
    };
    const serde = timestampedList(inner);
    const none = { timestamp: 1, value: null, marked: false };
    await serde.prepare(serde.encode([none, { ...none, value: 7 }, { ...none, value: 8 }]));
    assert.deepEqual(prepared, ['\u0000\u00017']);
  });

  it('takes entries in by time, then arrival', () => {
    const values = [
      [2, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [1, 4],
    ] as const;
    let list: readonly Entry<number>[] = [];
    for (const [timestamp, value] of values) list = withEntry(list, { timestamp, value, marked: false });
    assert.deepEqual(
      list.map(({ value }) => value),
      [1, 4, 0, 2, 3],
    );
  });
});
