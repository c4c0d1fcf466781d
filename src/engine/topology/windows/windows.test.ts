import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { type Topic, textKey } from '../../serde.ts';
import { type DriverOptions, TopologyDriver } from '../../testing/driver.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopologyBuilder } from '../builder.ts';
import type { Stream } from '../stream.ts';
import type { Table } from '../table.ts';
import type { WindowEmission } from './aggregation.ts';
import { Grid } from './grid.ts';
import { windowListSerde } from './state-serde.ts';
import { hopping, session, sliding, tumbling, type Window } from './window.ts';
import { type Windowed, windowedKey } from './windowed-key.ts';

const input = jsonTopic<string>('input');
const late = jsonTopic<string>('late');
const windowedTopic = <S>(name: string): Topic<Windowed<string>, S> => ({
  ...jsonTopic<S>(name),
  key: windowedKey(textKey),
});
const output = windowedTopic<number>('output');

const kinds: readonly (readonly [string, Window])[] = [
  ['tumbling', tumbling({ sizeMs: 10, graceMs: 5 })],
  ['hopping', hopping({ sizeMs: 10, advanceMs: 4, graceMs: 5 })],
  ['sliding', sliding({ timeDifferenceMs: 10, graceMs: 5 })],
  ['session', session({ gapMs: 6, graceMs: 5 })],
];

type Counts = { readonly emit?: WindowEmission; readonly retentionMs?: number; readonly routes?: boolean };
type Change = (counts: Table<Windowed<string>, number>) => Table<Windowed<string>, number>;

async function open(
  t: TestContext | undefined,
  window: Window,
  counts: Counts = {},
  change: Change = (table) => table,
  options: DriverOptions = {},
): Promise<TopologyDriver> {
  const driver = await TopologyDriver.open(async (log) => {
    const topics = [input, output, late];
    await log.createTopics(topics);
    const builder = new TopologyBuilder({ name: 'windows', generation: 1 });
    const { routes = false, ...rest } = counts;
    const routed = { late: (records: Stream<string, string>) => records.to(late) };
    const counted = builder
      .source(input)
      .windowed(window)
      .count('counts', { value: json<number>(), ...rest, ...(routes && routed) });
    change(counted).to(output);
    return builder.build();
  }, options);
  t?.after(() => driver.close());
  return driver;
}

type Input = readonly [key: string, value: string, timestamp: number];

async function pipe(driver: TopologyDriver, records: readonly Input[]): Promise<void> {
  await driver.pipe(input, ...records);
  await driver.settle();
}

const rows = async (driver: TopologyDriver) =>
  (await driver.read(output)).map(({ key, value, timestamp }) => [
    key?.key,
    key?.startMs,
    key?.endMs,
    value,
    timestamp,
  ]);

async function dropped(driver: TopologyDriver): Promise<readonly string[]> {
  const text = await driver.metrics.render();
  const metric = 'millrace_engine_dropped_records_total';
  return text
    .split('\n')
    .flatMap((line) => (line.startsWith(`${metric}{`) ? [line.slice(metric.length)] : []));
}

const records = fc.array(
  fc.tuple(fc.constantFrom('a', 'b'), fc.constant('v'), fc.integer({ min: 0, max: 60 })),
  { minLength: 1, maxLength: 25 },
);

for (const [name, window] of kinds) {
  it(`${name}: records in order are counted in the windows of the definition`, async () => {
    const law = fc.asyncProperty(records, async (all) => {
      const inOrder = all.toSorted((a, b) => a[2] - b[2]);
      const driver = await open(undefined, window, { emit: 'on-close' });
      try {
        await pipe(driver, [...inOrder, ['end', 'v', 1_000]]);
        assert.deepEqual(
          (await rows(driver)).map(String).sort(),
          expected(window, inOrder).map(String).sort(),
        );
        assert.deepEqual(await dropped(driver), []);
      } finally {
        await driver.close();
      }
    });
    await fc.assert(law, { numRuns: 40 });
  });

  it(`${name}: neither a restart anywhere, with stores or without, nor small batches change outputs or digests`, async () => {
    const emission = fc.constantFrom<WindowEmission>('every-update', 'on-close');
    const law = fc.asyncProperty(records, emission, fc.nat(24), async (all, emit, at) => {
      const outcomes = [];
      for (const [batchRecords, restart] of [
        [1_000, undefined],
        [1_000, { keepStores: true }],
        [1_000, { keepStores: false }],
        [2, undefined],
      ] as const) {
        const driver = await open(undefined, window, { emit, routes: true }, undefined, { batchRecords });
        try {
          await pipe(driver, all.slice(0, at));
          if (restart !== undefined) await driver.restart(restart);
          await pipe(driver, all.slice(at));
          const lates = (await driver.read(late)).map(({ key, timestamp }) => [key, timestamp]);
          outcomes.push({ rows: await rows(driver), lates, digests: driver.digests() });
        } finally {
          await driver.close();
        }
      }
      for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
    });
    await fc.assert(law, { numRuns: 25 });
  });

  it(`${name}: rows and timers are gone when the windows are; kept for as long as they are to be queried`, async (t) => {
    for (const emit of ['every-update', 'on-close'] as const) {
      const driver = await open(t, window, { emit, retentionMs: 100 });
      await pipe(driver, [
        ['a', 'v', 50],
        ['a', 'v', 53],
        ['b', 'v', 120],
      ]);
      assert.ok([...(await driver.store('counts/windows')).keys()].some((key) => key.startsWith('a')));
      await pipe(driver, [['b', 'v', 400]]);
      const kept = [...(await driver.store('counts/windows')).keys()];
      assert.ok(kept.length > 0);
      assert.ok(kept.every((key) => key.startsWith('b')));
      assert.deepEqual([...(await driver.store('counts/timers')).keys()], kept);
    }
  });

  it(`${name}: per commit, the last result of each window goes out`, async (t) => {
    const all: Input[] = [1, 3, 2, 18, 5, 30, 31].map((timestamp): Input => ['a', 'v', timestamp]);
    const each = await open(t, window);
    await pipe(each, all);
    const last = new Map((await rows(each)).map((row) => [String(row.slice(0, 3)), row]));
    const perCommit = await open(t, window, { emit: 'per-commit' });
    await pipe(perCommit, all);
    assert.deepEqual((await rows(perCommit)).map(String).sort(), [...last.values()].map(String).sort());
  });
}

/** Every window's count by its definition, where no record is late. */
function expected(window: Window, all: readonly Input[]): unknown[] {
  const found: unknown[] = [];
  for (const key of new Set(all.map(([key]) => key))) {
    const times = all.filter(([k]) => k === key).map(([, , timestamp]) => timestamp);
    for (const [startMs, endMs, last] of windowsOver(window, times)) {
      const within = times.filter((time) => time >= startMs && time <= last);
      if (within.length > 0) found.push([key, startMs, endMs, within.length, Math.max(...within)]);
    }
  }
  return found;
}

/** Start, end and last instant of all windows that could hold one of these times, which are in order. */
function windowsOver(window: Window, times: readonly number[]): [number, number, number][] {
  if (window.kind === 'session') {
    const sessions: [number, number, number][] = [];
    for (const time of times) {
      const open = sessions.at(-1);
      if (open !== undefined && time - open[1] <= window.gapMs) open[1] = open[2] = time;
      else sessions.push([time, time, time]);
    }
    return sessions;
  }
  const starts =
    window.kind === 'time'
      ? Array.from({ length: 70 }, (_, i) => i * window.advanceMs)
      : [
          ...new Set(
            times.flatMap((time) => [
              Math.max(0, time - window.timeDifferenceMs),
              ...(times.some((other) => other > time && other <= time + 1 + window.timeDifferenceMs)
                ? [time + 1]
                : []),
            ]),
          ),
        ];
  return starts.map((start) =>
    window.kind === 'time'
      ? [start, start + window.sizeMs, start + window.sizeMs - 1]
      : [start, start + window.timeDifferenceMs, start + window.timeDifferenceMs],
  );
}

it('the windows of the grid are those whose span holds the time, whichever time was requested before', () => {
  const sizes = fc.record({
    sizeMs: fc.integer({ min: 1, max: 12 }),
    advanceMs: fc.integer({ min: 1, max: 12 }),
  });
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(50), { minLength: 1 }), ({ sizeMs, advanceMs }, times) => {
      fc.pre(advanceMs <= sizeMs);
      const grid = new Grid<string>(hopping({ sizeMs, advanceMs, graceMs: 0 }));
      for (const time of times) {
        const starts = Array.from({ length: 51 }, (_, i) => i * advanceMs);
        const holding = starts.filter((start) => start <= time && time < start + sizeMs);
        assert.deepEqual(
          grid.cell('k', 'k', time).windows.map(({ startMs }) => startMs),
          holding,
        );
      }
    }),
  );
});

it('a late record is counted, and handed out on request; one late in part is counted apart', async (t) => {
  const driver = await open(t, hopping({ sizeMs: 10, advanceMs: 5, graceMs: 0 }), { routes: true });
  await pipe(driver, [
    ['a', 'in time', 20],
    ['a', 'late', 3],
    ['b', 'late', 9],
    ['b', 'in part', 18],
    ['a', 'in time', 21],
  ]);
  const routed = (await driver.read(late)).map(({ key, value, timestamp }) => [key, value, timestamp]);
  assert.deepEqual(routed, [
    ['a', 'late', 3],
    ['b', 'late', 9],
  ]);
  assert.deepEqual((await dropped(driver)).toSorted(), [
    '{operator="counts",reason="late"} 2',
    '{operator="counts",reason="late-in-part"} 1',
  ]);
});

it('a session that has closed is not joined: what went out on close was final', async (t) => {
  const driver = await open(t, session({ gapMs: 5, graceMs: 0 }), { emit: 'on-close' });
  await pipe(driver, [
    ['a', 'v', 0],
    ['a', 'v', 5],
    ['b', 'v', 11],
    ['a', 'v', 10],
    ['b', 'v', 50],
  ]);
  assert.deepEqual(await rows(driver), [
    ['a', 0, 5, 2, 5],
    ['a', 10, 10, 1, 10],
    ['b', 11, 11, 1, 11],
  ]);
});

it('suppressed for a time, the last change goes out that long after the first, tombstones too', async (t) => {
  const driver = await open(t, session({ gapMs: 5, graceMs: 0 }), {}, (counts) =>
    counts.suppress('held', { forMs: 10 }),
  );
  await pipe(driver, [
    ['a', 'v', 0],
    ['a', 'v', 0],
    ['a', 'v', 3],
    ['b', 'v', 9],
  ]);
  assert.deepEqual(await rows(driver), []);
  await pipe(driver, [['b', 'v', 10]]);
  assert.deepEqual(await rows(driver), [['a', 0, 0, null, 0]]);
  await pipe(driver, [['b', 'v', 13]]);
  assert.deepEqual(await rows(driver), [['a', 0, 3, 3, 3]]);
  assert.equal((await driver.store('held/held')).size, 3);
});

it('suppressed for no time, each change goes out at once, and what was held before is not repeated', async (t) => {
  const driver = await open(t, session({ gapMs: 5, graceMs: 0 }), {}, (counts) =>
    counts.suppress('held', { forMs: 0 }),
  );
  await pipe(driver, [
    ['a', 'v', 0],
    ['a', 'v', 3],
    ['a', 'v', 1],
  ]);
  assert.deepEqual(await rows(driver), [
    ['a', 0, 0, 1, 0],
    ['a', 0, 0, null, 0],
    ['a', 0, 3, 2, 3],
    ['a', 0, 3, null, 3],
    ['a', 0, 3, 3, 3],
  ]);
  assert.equal((await driver.store('held/held')).size, 0);
  await pipe(driver, [['b', 'v', 100]]);
  assert.deepEqual(await rows(driver), [['b', 100, 100, 1, 100]]);
});

it('reduces values by window', async (t) => {
  const words = windowedTopic<string>('words');
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([input, words]);
    const builder = new TopologyBuilder({ name: 'windows', generation: 1 });
    const sessions = builder.source(input).windowed(session({ gapMs: 5, graceMs: 5 }));
    sessions.reduce('joined', (a, b) => a + b, { value: json<string>(), emit: 'on-close' }).to(words);
    return builder.build();
  });
  t.after(() => driver.close());
  await pipe(driver, [
    ['a', 'x', 0],
    ['a', 'z', 8],
    ['a', 'y', 4],
    ['a', '.', 100],
  ]);
  assert.deepEqual(
    (await driver.read(words)).map(({ key, value }) => [key?.startMs, key?.endMs, value]),
    [[0, 8, 'xzy']],
  );
});

it('the keys of windows are text that can be read back, whatever the key holds', () => {
  const key = windowedKey(textKey);
  const times = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), times, times, (text, startMs, endMs) => {
      const windowed = { key: text, startMs, endMs };
      assert.deepEqual(key.fromText(key.toText(windowed)), windowed);
    }),
  );
  for (const text of ['', 'a', `a\u0000${'g'.repeat(32)}`, '0'.repeat(33)]) {
    assert.throws(() => key.fromText(text), { code: 'MR_RECORD_WINDOWED_KEY' });
  }
});

it('a list of windows keeps what the registry puts in front once, and out of the digest', () => {
  const framed = (id: number) => ({
    ...json<string>(),
    encode: (value: string) => Buffer.concat([Buffer.from([0, id]), Buffer.from(value)]),
    decode: (bytes: Buffer) => {
      assert.deepEqual([...bytes.subarray(0, 2)], [0, id]);
      return bytes.toString('utf8', 2);
    },
    framing: 2,
  });
  const windows = [
    { value: 'a', timestamp: 3, startMs: 1, endMs: 11 },
    { value: '', timestamp: 12, startMs: 12, endMs: 22 },
  ];
  const [one, two] = [windowListSerde(framed(1)), windowListSerde(framed(2))];
  assert.deepEqual(one.decode(one.encode(windows)), windows);
  assert.deepEqual(one.encode(windows).subarray(one.framing), two.encode(windows).subarray(two.framing));
});

it('windows that make no sense are refused when they are declared, as are suppressions', async () => {
  const refused = { code: 'MR_TOPOLOGY_INVALID' };
  const grid = { sizeMs: 5, advanceMs: 5, graceMs: 0 };
  const apart = { timeDifferenceMs: 0, graceMs: 0 };
  const gap = { gapMs: 1, graceMs: 0 };
  for (const declare of [() => hopping(grid), () => sliding(apart), () => session(gap)]) declare();
  for (const declare of [
    () => tumbling({ sizeMs: 0, graceMs: 0 }),
    () => tumbling({ sizeMs: 1.5, graceMs: 0 }),
    () => tumbling({ sizeMs: 1, graceMs: -1 }),
    () => hopping({ ...grid, sizeMs: 5.5 }),
    () => hopping({ ...grid, advanceMs: 0 }),
    () => hopping({ ...grid, advanceMs: 6 }),
    () => hopping({ ...grid, graceMs: 0.5 }),
    () => sliding({ ...apart, timeDifferenceMs: -1 }),
    () => sliding({ ...apart, graceMs: -1 }),
    () => session({ ...gap, gapMs: 0 }),
    () => session({ ...gap, graceMs: -1 }),
  ])
    assert.throws(declare, refused);
  const builder = new TopologyBuilder({ name: 'windows', generation: 1 });
  const total = builder.source(input).count('total', { value: json<number>() });
  assert.throws(() => total.suppress('held', { until: 'window-close' }), refused);
  assert.throws(() => total.suppress('held', { forMs: -1 }), refused);
});

it('rows of windows of another size are of another type', () => {
  const typeOf = (window: Window) => {
    const builder = new TopologyBuilder({ name: 'windows', generation: 1 });
    builder.source(input).windowed(window).count('counts', { value: json<number>() });
    const [store] = builder.build().subTopologies[0]?.stores ?? [];
    return store?.spec.value.fingerprint.toString();
  };
  const types = [
    tumbling({ sizeMs: 10, graceMs: 5 }),
    tumbling({ sizeMs: 20, graceMs: 5 }),
    hopping({ sizeMs: 20, advanceMs: 10, graceMs: 5 }),
    sliding({ timeDifferenceMs: 10, graceMs: 5 }),
    sliding({ timeDifferenceMs: 20, graceMs: 5 }),
    session({ gapMs: 10, graceMs: 5 }),
  ].map(typeOf);
  assert.equal(new Set(types).size, types.length);
  assert.equal(typeOf(tumbling({ sizeMs: 10, graceMs: 9 })), types[0], 'a longer grace changes no row');
});

it('a state that can’t be written is put aside, and what was there before stays', async (t) => {
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([input, output]);
    const builder = new TopologyBuilder({ name: 'windows', generation: 1 });
    builder
      .source(input)
      .windowed(tumbling({ sizeMs: 100, graceMs: 0 }))
      .aggregate<number>('counts', {
        initial: () => 0,
        add: (count, { value }) => (value === 'bad' ? (undefined as unknown as number) : count + 1),
        value: json<number>(),
      })
      .to(output);
    return builder.build();
  });
  t.after(() => driver.close());
  await pipe(driver, [['a', 'v', 1]]);
  await pipe(driver, [['a', 'bad', 2]]);
  await driver.restart({ keepStores: true });
  await pipe(driver, [['a', 'v', 3]]);
  assert.deepEqual(
    (await rows(driver)).map((row) => row[3]),
    [1, 2],
  );
  const letters = (await driver.readDeadLetters()).map(({ value }) => value?.operator);
  assert.deepEqual(letters, ['counts'], 'the record, and none of what came of it');
});

it('a session of a single instant that gets another record there is not taken back', async (t) => {
  const driver = await open(t, session({ gapMs: 6, graceMs: 5 }));
  await pipe(driver, [
    ['a', 'v', 10],
    ['a', 'v', 10],
    ['a', 'v', 12],
  ]);
  assert.deepEqual(await rows(driver), [
    ['a', 10, 10, 1, 10],
    ['a', 10, 10, 2, 10],
    ['a', 10, 10, null, 10],
    ['a', 10, 12, 3, 12],
  ]);
});
