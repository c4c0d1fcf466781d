import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Topic } from '../../serde.ts';
import { textKey } from '../../serde.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import type { Stream } from '../../topology/stream.ts';
import { session, sliding, type Window } from '../../topology/windows/window.ts';
import { type Windowed, windowedKey } from '../../topology/windows/windowed-key.ts';
import { TopologyDriver } from '../driver.ts';
import { json, jsonTopic } from '../json-topic.ts';

type Side = 'L' | 'R';
type Value = { readonly side: Side; readonly id: number };
type Input = readonly [key: string, value: Value, timestamp: number];
type Rows = readonly (readonly [key: string, value: unknown, timestamp: number])[];

const input = jsonTopic<Value>('input');
const pairs = jsonTopic<string>('output');
const lists: Topic<Windowed<string>, readonly number[]> = {
  ...jsonTopic<readonly number[]>('output'),
  key: windowedKey(textKey),
};
const ids = json<number>();

const steps = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b'),
    side: fc.constantFrom<Side>('L', 'R'),
    laterMs: fc.integer({ min: -9, max: 12 }),
  }),
  { minLength: 1, maxLength: 25 },
);

/** Out of order by some milliseconds; each with its place as its value. */
function recordsOf(all: readonly { key: string; side: Side; laterMs: number }[]): Input[] {
  let now = 20;
  return all.map(({ key, side, laterMs }, id) => {
    now = Math.max(0, now + laterMs);
    return [key, { side, id }, now];
  });
}

/** What comes out, all windows closed at the end, and which stores still hold something. */
async function run<K, V>(
  records: readonly Input[],
  output: Topic<K, V>,
  declare: (records: Stream<string, Value>) => void,
) {
  // At once, or in pieces between which most rows leave the memory.
  const isInPieces = records.length % 2 === 0;
  const driver = await TopologyDriver.open(
    async (log) => {
      await log.createTopics([input, output]);
      const builder = new TopologyBuilder({ name: 'models', generation: 1 });
      declare(builder.source(input));
      return builder.build();
    },
    isInPieces ? { cacheEntries: 1 } : {},
  );
  try {
    const pieces = isInPieces ? records.map((record) => [record]) : [records];
    for (const piece of pieces) {
      await driver.pipe(input, ...piece);
      await driver.settle();
    }
    await driver.announce(input, 1_000_000);
    await driver.settle();
    assert.deepEqual(await driver.readDeadLetters(), []);
    const held = [...driver.digests()].filter(([, digest]) => !/^0+$/.test(digest)).map(([store]) => store);
    assert.deepEqual(held, [], 'nothing is left of what has closed');
    return await driver.read(output);
  } finally {
    await driver.close();
  }
}

const sorted = (rows: Rows) => rows.map((row) => JSON.stringify(row)).sort();

type JoinType = 'inner' | 'left' | 'outer' | 'self';
type Times = { readonly beforeMs: number; readonly afterMs: number; readonly graceMs: number };

/** Pairs of accepted records whose times fit; one that has come out alone meets none any more. */
function joinModel(type: JoinType, { beforeMs, afterMs, graceMs }: Times, records: readonly Input[]): Rows {
  type Taken = { key: string; side: Side; id: number; timestamp: number };
  const rows: [string, string, number][] = [];
  const taken: Taken[] = [];
  const [met, alone] = [new Set<Taken>(), new Set<Taken>()];
  const aheadMs = (side: Side) =>
    type === 'self' ? Math.max(beforeMs, afterMs) : side === 'L' ? afterMs : beforeMs;
  const close = (watermark: number) => {
    for (const each of taken) {
      const comesAlone = type === 'outer' || (type === 'left' && each.side === 'L');
      const isOpen = watermark <= each.timestamp + aheadMs(each.side) + graceMs;
      if (!comesAlone || isOpen || met.has(each) || alone.has(each)) continue;
      alone.add(each);
      rows.push([each.key, each.side === 'L' ? `${each.id}:-` : `-:${each.id}`, each.timestamp]);
    }
  };
  const meet = (left: Taken, right: Taken) => {
    const laterMs = right.timestamp - left.timestamp;
    if (left.key !== right.key || laterMs < -beforeMs || laterMs > afterMs) return;
    met.add(left).add(right);
    rows.push([left.key, `${left.id}:${right.id}`, Math.max(left.timestamp, right.timestamp)]);
  };
  let watermark = Number.NEGATIVE_INFINITY;
  for (const [key, { side, id }, timestamp] of records) {
    if (watermark <= timestamp + aheadMs(side) + graceMs) {
      const own = { key, side, id, timestamp };
      for (const other of taken.filter((each) => !alone.has(each))) {
        if (type === 'self' || (side === 'L' && other.side === 'R')) meet(own, other);
        if (type === 'self' || (side === 'R' && other.side === 'L')) meet(other, own);
      }
      if (type === 'self') meet(own, own);
      taken.push(own);
    }
    watermark = Math.max(watermark, timestamp);
    close(watermark);
  }
  close(Number.POSITIVE_INFINITY);
  return rows;
}

describe('joins of streams have the pairs of the definition, out of order and late records included', () => {
  for (const type of ['inner', 'left', 'outer', 'self'] as const) {
    it(type, async () => {
      const times = fc.record({ beforeMs: fc.nat(10), afterMs: fc.nat(10), graceMs: fc.nat(6) });
      const law = fc.asyncProperty(steps, times, async (all, window) => {
        const records = recordsOf(all);
        const found = await run(records, pairs, (stream) => {
          const join = (l: number | null, r: number | null) => `${l ?? '-'}:${r ?? '-'}`;
          const options = { ...window, value: ids, other: ids, join };
          if (type === 'self')
            return stream
              .map(({ id }) => id)
              .selfJoin('join', options)
              .to(pairs);
          const { L, R } = stream.branch({ L: ({ side }) => side === 'L', R: () => true });
          const [left, right] = [L.map(({ id }) => id), R.map(({ id }) => id)];
          if (type === 'inner') left.joinStream('join', right, options).to(pairs);
          else if (type === 'left') left.leftJoinStream('join', right, options).to(pairs);
          else left.outerJoinStream('join', right, options).to(pairs);
        });
        const rows = found.map(({ key, value, timestamp }) => [key, value, timestamp] as const);
        assert.deepEqual(sorted(rows), sorted(joinModel(type, window, records)));
      });
      await fc.assert(law, { numRuns: 60 });
    });
  }
});

type Spanned = { startMs: number; endMs: number; records: Input[] };

/** A window that ends at each record, and one that begins after it, where they hold records. */
function slidingModel(differenceMs: number, records: readonly Input[]): Spanned[] {
  const starts = new Set(
    records.flatMap(([, , timestamp]) => [Math.max(0, timestamp - differenceMs), timestamp + 1]),
  );
  return Array.from(starts, (startMs) => {
    const endMs = startMs + differenceMs;
    return { startMs, endMs, records: records.filter(([, , ms]) => ms >= startMs && ms <= endMs) };
  }).filter((window) => window.records.length > 0);
}

function sessionModel(gapMs: number, records: readonly Input[]): Spanned[] {
  const sessions: Spanned[] = [];
  for (const record of records.toSorted((a, b) => a[2] - b[2])) {
    const last = sessions.at(-1);
    if (last !== undefined && record[2] <= last.endMs + gapMs) {
      last.endMs = record[2];
      last.records.push(record);
    } else sessions.push({ startMs: record[2], endMs: record[2], records: [record] });
  }
  return sessions;
}

describe('windows that depend on the records hold those of the definition, in whatever order they come', () => {
  const graceMs = 10_000;
  const kinds = {
    sliding: { of: (ms: number): Window => sliding({ timeDifferenceMs: ms, graceMs }), model: slidingModel },
    session: { of: (ms: number): Window => session({ gapMs: ms, graceMs }), model: sessionModel },
  };
  for (const [name, { of, model }] of Object.entries(kinds)) {
    it(name, async () => {
      const law = fc.asyncProperty(steps, fc.integer({ min: 1, max: 12 }), async (all, widthMs) => {
        const records = recordsOf(all);
        const found = await run(records, lists, (stream) => {
          const options = {
            initial: (): readonly number[] => [],
            add: (state: readonly number[], { value }: { value: Value }) => [...state, value.id],
            merge: (a: readonly number[], b: readonly number[]) => [...a, ...b],
            value: json<readonly number[]>(),
            emit: 'on-close',
          } as const;
          stream.windowed(of(widthMs)).aggregate('windows', options).to(lists);
        });
        const rows = found.map(({ key, value, timestamp }) => {
          const all = [key?.startMs, key?.endMs, value?.toSorted((a, b) => a - b)];
          return [String(key?.key), all, timestamp] as const;
        });
        const expected = ['a', 'b'].flatMap((key) =>
          model(
            widthMs,
            records.filter((record) => record[0] === key),
          ).map((window) => {
            const held = window.records.map(([, { id }]) => id).sort((a, b) => a - b);
            const newest = Math.max(...window.records.map(([, , ms]) => ms));
            return [key, [window.startMs, window.endMs, held], newest] as const;
          }),
        );
        assert.deepEqual(sorted(rows), sorted(expected));
      });
      await fc.assert(law, { numRuns: 60 });
    });
  }
});
