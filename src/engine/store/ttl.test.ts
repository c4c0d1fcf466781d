import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { TopologyDriver } from '../testing/driver.ts';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { defineProcessor, port } from '../topology/processor.ts';
import { sessionRow, sessionStore, sessionStoreSpec, sessionsOf } from './session-store.ts';
import { windowRow, windowRows, windowStore, windowStoreSpec, windowsOf } from './window-store.ts';

const TTL_MS = 100;
const input = jsonTopic<number>('input');
const output = jsonTopic<readonly (readonly [number, number])[]>('output');

async function open(
  t: TestContext | undefined,
  declare: (builder: TopologyBuilder) => void,
  options: { readonly batchRecords?: number; readonly cacheEntries?: number } = {},
): Promise<TopologyDriver> {
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([input, output]);
    const builder = new TopologyBuilder({ name: 'kept', generation: 1 });
    declare(builder);
    return builder.build();
  }, options);
  t?.after(() => driver.close());
  return driver;
}

/** Keeps the newest value of each key for a while; a negative one deletes it. Emits what it has found. */
const keep = defineProcessor({
  inputs: { records: port<string, number>() },
  outputs: { found: port<string, readonly (readonly [number, number])[]>() },
  stores: { last: { value: json<number>(), ttlMs: TTL_MS } },
  process: {
    records: ({ key, value, timestamp }, { stores, emit }) => {
      const before = stores.last.get(key);
      emit('found', key, before === undefined ? [] : [[0, before]], timestamp);
      if (value < 0) stores.last.delete(key, timestamp);
      else stores.last.put(key, value, timestamp);
    },
  },
});
const keeping = (builder: TopologyBuilder) =>
  builder.process('keep', keep, { records: builder.source(input) }).found.to(output);

type Change = readonly [key: string, value: number, timestamp: number];
const changes: fc.Arbitrary<Change[]> = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: -1, max: 9 }), fc.nat({ max: 80 })), {
    maxLength: 30,
  })
  .map((steps) => {
    let now = 0;
    return steps.map(([key, value, later]): Change => {
      now += later;
      return [key, value, now];
    });
  });

/** What each change finds, and what is left, if an entry goes when the record before has reached its time. */
function model(steps: readonly Change[]) {
  const kept = new Map<string, readonly [value: number, due: number]>();
  const found: unknown[] = [];
  for (const [key, value, now] of steps) {
    const before = kept.get(key);
    found.push(before === undefined ? [] : [[0, before[0]]]);
    if (value < 0) kept.delete(key);
    else kept.set(key, [value, now + TTL_MS]);
    for (const [other, [, due]] of kept) if (due <= now) kept.delete(other);
  }
  return { found, left: Array.from(kept, ([key, [value]]) => [key, value]).sort() };
}

describe('entries with a time to live', () => {
  it('go when the watermark passes it, however the input is cut, and over restarts with stores or without', async () => {
    await fc.assert(
      fc.asyncProperty(
        changes,
        fc.nat(30),
        fc.boolean(),
        fc.constantFrom(1, 4, 1_000),
        async (steps, cut, keepStores, batchRecords) => {
          const driver = await open(undefined, keeping, { batchRecords });
          await driver.pipe(input, ...steps.slice(0, cut));
          await driver.settle();
          await driver.restart({ keepStores });
          await driver.pipe(input, ...steps.slice(cut));
          await driver.settle();
          const { found, left } = model(steps);
          assert.deepEqual(
            (await driver.read(output)).map(({ value }) => value),
            found,
          );
          assert.deepEqual([...(await driver.store<number>('keep/last'))].sort(), left);
          const digests = driver.digests();
          await driver.restart({ keepStores: false });
          assert.deepEqual(driver.digests(), digests);
          await driver.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('a late change does not shorten their life, and one without a time is refused and holds nothing up', async (t) => {
    const late = defineProcessor({
      inputs: { records: port<string, number>() },
      outputs: {},
      stores: { last: { value: json<number>(), ttlMs: TTL_MS } },
      process: {
        records: ({ key, value, timestamp }, { stores }) =>
          stores.last.put(key, value, value < 0 ? Number.NaN : timestamp - value),
      },
    });
    const driver = await open(t, (builder) => {
      builder.process('keep', late, { records: builder.source(input) });
    });
    await driver.pipe(input, ['bad', -1, 200], ['a', 0, 200], ['a', 150, 201], ['b', 0, 202]);
    await driver.settle();
    const letters = (await driver.readDeadLetters()).map(({ value }) => [
      value?.key?.toString(),
      value?.reason,
    ]);
    assert.deepEqual(letters, [['bad', 'MR_RECORD_TIMESTAMP']]);
    assert.deepEqual(
      [...(await driver.store('keep/last'))],
      [
        ['a', 150],
        ['b', 0],
      ],
    );
    await driver.pipe(input, ['c', 0, 301]);
    await driver.settle();
    assert.deepEqual([...(await driver.store('keep/last')).keys()], ['b', 'c']);
  });

  it('may be written while their time has left the cache before them', async (t) => {
    // It declares nothing: an entry is read wherever it is, and its time only where it has yet to be loaded.
    const looking = defineProcessor({
      inputs: { records: port<string, number>() },
      outputs: {},
      stores: { last: { value: json<number>(), ttlMs: TTL_MS } },
      reads: { records: () => ({}) },
      process: {
        records: ({ key, value, timestamp }, { stores }) => {
          if (value > 0) stores.last.get('kept');
          stores.last.put(key, value, timestamp);
        },
      },
    });
    const driver = await open(
      t,
      (builder) => {
        builder.process('keep', looking, { records: builder.source(input) });
      },
      { batchRecords: 1, cacheEntries: 3 },
    );
    // The fourth takes the place of the second, since the kept one was just read; of its time it was not.
    for (const key of ['first', 'kept', 'second', 'third']) {
      await driver.pipe(input, [key, 0, 0]);
      await driver.settle();
    }
    for (const key of ['fourth', 'kept']) {
      await driver.pipe(input, [key, 1, 1]);
      await driver.settle();
    }
    assert.equal((await driver.store('keep/last')).get('kept'), 1);
  });

  it('what a timer writes under a time long past goes at once, however the input is cut', async (t) => {
    const timing = defineProcessor({
      inputs: { records: port<string, number>() },
      outputs: { found: port<string, readonly (readonly [number, number])[]>() },
      stores: { last: { value: json<number>(), ttlMs: TTL_MS } },
      process: {
        records: ({ key, timestamp }, { stores, emit, setTimer }) => {
          emit('found', key, [[timestamp, stores.last.get(key) ?? 0]], timestamp);
          setTimer(key, timestamp + 5);
        },
      },
      onTimer: (key, dueMs, { stores }) => stores.last.put(key, 1, dueMs),
    });
    for (const batchRecords of [1, 2, 1_000]) {
      const driver = await open(
        t,
        (builder) => builder.process('keep', timing, { records: builder.source(input) }).found.to(output),
        { batchRecords },
      );
      await driver.pipe(input, ['a', 0, 0], ['b', 0, 400], ['a', 0, 401], ['b', 0, 410], ['a', 0, 420]);
      await driver.settle();
      const found = (await driver.read(output)).flatMap(({ value }) => value ?? []);
      assert.deepEqual(
        found,
        [
          [0, 0],
          [400, 0],
          [401, 0],
          [410, 0],
          [420, 1],
        ],
        `batches of ${batchRecords}`,
      );
    }
  });

  it('leave nothing behind, in the store or beside it', async (t) => {
    const driver = await open(t, keeping);
    const empty = driver.digests();
    await driver.pipe(input, ['a', 1, 10], ['b', 2, 20]);
    await driver.settle();
    assert.notDeepEqual(driver.digests(), empty);
    await driver.announce(input, 1_000);
    await driver.settle();
    assert.deepEqual(driver.digests(), empty);
    assert.deepEqual(await driver.store('keep/last-ttl'), new Map());
  });

  it('are refused for a copy of a source, which nobody may delete from', () => {
    const builder = new TopologyBuilder({ name: 'kept', generation: 1 });
    const copied = defineProcessor({
      inputs: { records: port<string, number>() },
      outputs: {},
      stores: { last: { value: json<number>(), ttlMs: 1, copyOf: 'input' } },
      process: { records: () => {} },
    });
    builder.process('copied', copied, { records: builder.source(input) });
    assert.throws(() => builder.build(), /time to live/);
  });
});

describe('a window store', () => {
  const SIZE_MS = 50;
  const sums = defineProcessor({
    inputs: { records: port<string, number>() },
    outputs: { found: port<string, readonly (readonly [number, number])[]>() },
    stores: { sums: windowStoreSpec(json<number>(), { ttlMs: 1_000 }) },
    reads: { records: ({ key }) => ({ sums: [windowsOf(key)] }) },
    process: {
      records: ({ key, value, timestamp }, { stores, emit }) => {
        const windows = windowStore(stores.sums);
        const startMs = timestamp - (timestamp % SIZE_MS);
        windows.put(key, startMs, (windows.get(key, startMs) ?? 0) + value, timestamp);
        emit('found', key, [...windows.fetch(key, startMs - SIZE_MS, startMs)], timestamp);
      },
    },
  });

  it('finds a key’s windows by start, in order, and no other key’s', async (t) => {
    const driver = await open(t, (builder) =>
      builder.process('sums', sums, { records: builder.source(input) }).found.to(output),
    );
    await driver.pipe(input, ['a', 1, 10], ['a', 2, 60], ['a\u0000', 7, 70], ['a', 3, 75], ['a', 4, 130]);
    await driver.settle();
    const found = (await driver.read(output)).map(({ value }) => value);
    assert.deepEqual(found, [
      [[0, 1]],
      [
        [0, 1],
        [50, 2],
      ],
      [[50, 7]],
      [
        [0, 1],
        [50, 5],
      ],
      [
        [50, 5],
        [100, 4],
      ],
    ]);
  });

  it('names the rows of the windows between two times, and keeps keys apart whatever is in them', () => {
    assert.deepEqual(windowRows('k', 15, 40, 10), [
      windowRow('k', 20),
      windowRow('k', 30),
      windowRow('k', 40),
    ]);
    assert.deepEqual(windowRows('k', -15, 10, 10), [windowRow('k', 0), windowRow('k', 10)]);
    const keys = fc.string({ unit: fc.constantFrom('a', '\u0000', '\u0001', '\u0002') });
    fc.assert(
      fc.property(keys, keys, fc.nat(), (a, b, startMs) => {
        assert.equal(windowRow(a, startMs).startsWith(windowsOf(b).prefix), a === b);
      }),
    );
    assert.throws(() => windowRow('k', -1), /not a window's time/);
  });
});

describe('a session store', () => {
  const GAP_MS = 20;
  /** Merges each record with the sessions that it touches. */
  const merged = defineProcessor({
    inputs: { records: port<string, number>() },
    outputs: { found: port<string, readonly (readonly [number, number])[]>() },
    stores: { sessions: sessionStoreSpec(json<number>(), { ttlMs: 1_000 }) },
    reads: {
      records: ({ key, timestamp }) => ({
        sessions: [sessionsOf(key), sessionRow(key, { startMs: timestamp, endMs: timestamp })],
      }),
    },
    process: {
      records: ({ key, value, timestamp }, { stores, emit }) => {
        const sessions = sessionStore(stores.sessions);
        let session = { startMs: timestamp, endMs: timestamp };
        let sum = value;
        for (const [found, other] of [...sessions.find(key, timestamp - GAP_MS, timestamp + GAP_MS)]) {
          sessions.delete(key, found, timestamp);
          sum += other;
          session = {
            startMs: Math.min(session.startMs, found.startMs),
            endMs: Math.max(session.endMs, found.endMs),
          };
        }
        sessions.put(key, session, sum, timestamp);
        emit('found', key, [[session.startMs, session.endMs, sum]] as never, timestamp);
      },
    },
  });

  it('finds the sessions that an event touches', async (t) => {
    const driver = await open(t, (builder) =>
      builder.process('merged', merged, { records: builder.source(input) }).found.to(output),
    );
    await driver.pipe(input, ['a', 1, 10], ['a', 2, 50], ['b', 9, 30], ['a', 4, 30], ['a', 8, 71]);
    await driver.settle();
    const found = (await driver.read(output)).map(({ value }) => value?.[0]);
    assert.deepEqual(found, [
      [10, 10, 1],
      [50, 50, 2],
      [30, 30, 9],
      [10, 50, 7],
      [71, 71, 8],
    ]);
  });
});
