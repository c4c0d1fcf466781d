import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { errorCode, InputError } from '#platform';
import type { QueryOptions, StoreQuery } from '../queries/query.ts';
import { type Topic, textKey } from '../serde.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { defineProcessor, port } from '../topology/processor.ts';
import { tumbling } from '../topology/windows/window.ts';
import { windowedKey } from '../topology/windows/windowed-key.ts';
import { type DriverOptions, TopologyDriver } from './driver.ts';
import { json, jsonTopic } from './json-topic.ts';

type Click = { readonly item: string; readonly n: number };

const clicks = jsonTopic<Click>('clicks', 2);
const names = jsonTopic<string>('names', 2);
const counts = jsonTopic<{ readonly item: string; readonly sum: number }>('counts', 2);
const named = jsonTopic<string>('named', 2);
const ended = jsonTopic<{ readonly clicks: number; readonly last: number }>('ended', 2);
const closed = { ...jsonTopic<number>('closed', 2), key: windowedKey(textKey) };
const external = [clicks, names, counts, named, ended, closed].map(({ name, partitions, cleanup }) => {
  return { name, partitions, cleanup };
});

/** Every operator: clicks by user -> filter, flatMap, map -> by item -> sums; and clicks joined with users' names. */
function everyOperator() {
  const builder = new TopologyBuilder({ name: 'test', generation: 1 });
  const source = builder.source(clicks);
  source
    .filter(({ n }) => n > 0)
    .flatMap((click) => (click.n > 5 ? [click, click] : [click]))
    .map((click) => ({ ...click, n: click.n * 10 }))
    .keyBy('by-item', ({ item }) => item, { value: json<Click>() })
    .aggregate('sums', {
      initial: () => ({ item: '', sum: 0 }),
      add: (state, { value }) => ({ item: value.item, sum: state.sum + value.n }),
      value: json<{ item: string; sum: number }>(),
    })
    .to(counts);
  source
    .join('with-name', builder.table(names), ({ item }, name) => `${name ?? 'nobody'} clicked ${item}`)
    .to(named, { partitioning: 'same' });
  return builder.build();
}

const SILENCE_MS = 30;

const sessions = defineProcessor({
  inputs: { clicks: port<string, Click>() },
  outputs: { ended: port<string, { clicks: number; last: number }>() },
  stores: { open: { value: json<{ clicks: number; last: number }>() } },
  process: {
    clicks: ({ key, timestamp, value }, { stores, emit, setTimer }) => {
      if (value.n < 0) throw new InputError('MR_TEST_NEGATIVE', 'negative');
      let session = stores.open.get(key) ?? { clicks: 0, last: timestamp };
      if (timestamp >= session.last + SILENCE_MS) {
        emit('ended', key, session, session.last);
        session = { clicks: 0, last: timestamp };
      }
      const last = Math.max(session.last, timestamp);
      stores.open.put(key, { clicks: session.clicks + 1, last }, timestamp);
      setTimer(key, last + SILENCE_MS);
      if (value.n === 13) throw new Error('after its effects');
    },
  },
  onTimer: (key, dueMs, { stores, emit }) => {
    const session = stores.open.get(key);
    if (session !== undefined) emit('ended', key, session, session.last);
    stores.open.delete(key, dueMs);
  },
});

function sessionTopology() {
  const builder = new TopologyBuilder({ name: 'sessions', generation: 1 });
  const { ended: closed } = builder.process('sessions', sessions, { clicks: builder.source(clicks) });
  closed.to(ended);
  return builder.build();
}

const open = (declare: typeof everyOperator, options: DriverOptions = {}) =>
  TopologyDriver.open(async (log) => {
    await log.createTopics(external);
    return declare();
  }, options);

describe('operators', () => {
  it('filter, flatMap, map, keyBy and aggregate lead from a record to its key’s state', async () => {
    const driver = await open(everyOperator);
    await driver.pipe(
      clicks,
      ['u', { item: 'i', n: 2 }, 1],
      ['u', { item: 'i', n: 0 }, 2],
      ['v', { item: 'i', n: 6 }, 3],
    );
    await driver.settle();
    const sums = (await driver.read(counts)).map(({ key, value, timestamp }) => [key, value?.sum, timestamp]);
    assert.deepEqual(sums.at(-1), ['i', 140, 3]);
    assert.deepEqual(await driver.store('sums/state'), new Map([['i', { item: 'i', sum: 140 }]]));
    await driver.close();
  });

  it('joins with the table as it stands at the record’s time, tombstones included', async () => {
    const driver = await open(everyOperator);
    await driver.pipe(names, ['u', 'Ann', 1], ['u', 'Eve', 5], ['u', null, 9]);
    await driver.pipe(
      clicks,
      ['u', { item: 'a', n: 1 }, 3],
      ['u', { item: 'b', n: 1 }, 7],
      ['u', { item: 'c', n: 1 }, 10],
    );
    await driver.settle();
    const joined = (await driver.read(named)).map(({ value }) => value);
    assert.deepEqual(joined, ['Ann clicked a', 'Eve clicked b', 'nobody clicked c']);
    await driver.close();
  });

  it('fires timers by event time, at the record that moves the watermark past them', async () => {
    const driver = await open(sessionTopology);
    const click = { item: 'i', n: 1 };
    await driver.pipe(clicks, ['u', click, 100], ['u', click, 120], ['u', click, 150], ['u', click, 181]);
    await driver.settle();
    const sessionsEnded = (await driver.read(ended)).map(({ value }) => value);
    assert.deepEqual(sessionsEnded, [
      { clicks: 2, last: 120 },
      { clicks: 1, last: 150 },
    ]);
    await driver.announce(clicks, 1_000);
    await driver.settle();
    assert.deepEqual(
      (await driver.read(ended)).map(({ value }) => value),
      [{ clicks: 1, last: 181 }],
    );
    await driver.close();
  });
});

describe('what a test asks of the driver', () => {
  const windowed = () => {
    const builder = new TopologyBuilder({ name: 'windowed', generation: 1 });
    builder
      .source(clicks)
      .windowed(tumbling({ sizeMs: 100, graceMs: 0 }))
      .count('by-window', { value: json<number>(), retentionMs: 1_000, emit: 'on-close' })
      .to(closed);
    return builder.build();
  };

  it('a store by key, prefix, range and page, with the position of the answer', async () => {
    const driver = await open(everyOperator);
    const items = ['a', 'b', 'ba', 'bb', 'c'];
    await driver.pipe(clicks, ...items.map((item, i) => ['u', { item, n: 1 }, i] as const));
    await driver.settle();
    const keys = async (query: StoreQuery, options?: QueryOptions) => {
      return (await driver.query('sums/state', query, options)).entries.map(({ key }) => key);
    };
    const { entries } = await driver.query('sums/state', { kind: 'key', key: 'b' });
    assert.deepEqual(
      entries.map(({ value }) => value),
      [{ item: 'b', sum: 10 }],
    );
    assert.deepEqual(await keys({ kind: 'key', key: 'absent' }), []);
    assert.deepEqual(await keys({ kind: 'prefix', prefix: 'b' }), ['b', 'ba', 'bb']);
    assert.deepEqual(await keys({ kind: 'range', from: 'b', to: 'bb' }), ['b', 'ba']);
    const first = await driver.query('sums/state', { kind: 'range' }, { limit: 2 });
    assert.deepEqual(await keys({ kind: 'range' }, { after: first.next ?? '' }), ['ba', 'bb', 'c']);
    const taken = Object.values(Object.values(first.position)[0] ?? {});
    assert.ok(
      taken.reduce((sum, offset) => sum + offset, 0) >= items.length,
      'the position counts what was taken',
    );
    await assert.rejects(driver.query('sum/state', { kind: 'range' }), { code: 'MR_QUERY_STORE_UNKNOWN' });
    await driver.close();
  });

  it('windows of a key; event time goes on by hand, and closes them', async () => {
    const driver = await open(windowed);
    await driver.pipe(clicks, ...[10, 20, 130, 250].map((ts) => ['u', { item: 'i', n: 1 }, ts] as const));
    await driver.settle();
    const { entries } = await driver.query('by-window/windows', {
      kind: 'window',
      key: 'u',
      fromMs: 100,
      toMs: 300,
    });
    assert.deepEqual(
      entries.map(({ window, value }) => [window?.startMs, value]),
      [
        [100, 1],
        [200, 1],
      ],
    );
    const counts = async () => {
      return (await driver.read(closed)).map(({ key: { startMs }, value }) => [startMs, value]);
    };
    assert.deepEqual(await counts(), [
      [0, 2],
      [100, 1],
    ]);
    await driver.advanceEventTime(300);
    await driver.settle();
    assert.deepEqual(await counts(), [[200, 1]]);
    const [report] = driver.report().tasks.filter(({ operators }) => operators.some((each) => each.in > 0));
    assert.equal(report?.watermark, 300);
    await driver.close();
  });

  it('timers by the wall clock fire when that is moved on, and nobody waits for it', async () => {
    const alarm = defineProcessor({
      inputs: { clicks: port<string, Click>() },
      outputs: { ended: port<string, { clicks: number; last: number }>() },
      stores: {},
      dependsOnArrival: true,
      process: { clicks: ({ key }, { setWallTimer, wallNow }) => setWallTimer(key, wallNow + 3_600_000) },
      onWallTimer: (key, dueMs, { emit }) => emit('ended', key, { clicks: 0, last: dueMs }, dueMs),
    });
    const driver = await open(() => {
      const builder = new TopologyBuilder({ name: 'alarm', generation: 1 });
      builder.process('alarm', alarm, { clicks: builder.source(clicks) }).ended.to(ended);
      return builder.build();
    });
    await driver.pipe(clicks, ['u', { item: 'i', n: 1 }, 5]);
    await driver.settle();
    assert.deepEqual(await driver.read(ended), []);
    driver.advanceWallClock(3_600_000);
    await driver.settle();
    assert.deepEqual(
      (await driver.read(ended)).map(({ value }) => value?.last),
      [3_600_000],
    );
    await driver.close();
  });
});

const records = fc.array(
  fc.tuple(
    fc.constantFrom('u', 'v', 'w', 'x'),
    fc.constantFrom('i', 'j', 'k'),
    fc.integer({ min: -1, max: 14 }),
    fc.nat(60),
  ),
  { maxLength: 40 },
);

/** Outputs in order for each key, and digests, of one run. */
async function run(
  declare: typeof everyOperator,
  input: readonly (readonly [string, string, number, number])[],
  options: DriverOptions,
  chunk = Number.POSITIVE_INFINITY,
) {
  const driver = await open(declare, options);
  for (let from = 0; from < input.length; from += chunk) {
    await driver.pipe(
      clicks,
      ...input.slice(from, from + chunk).map(([user, item, n, ts]) => [user, { item, n }, ts] as const),
    );
    if (chunk < input.length) await driver.settle();
  }
  await driver.announce(clicks, 10_000);
  await driver.settle();
  const byKey: Record<string, unknown[]> = {};
  for (const output of [counts, named, ended]) {
    for (const { key, value, timestamp } of await driver.read(output as Topic<string, unknown>)) {
      const place = `${output.name} ${key}`;
      byKey[place] = [...(byKey[place] ?? []), [value, timestamp]];
    }
  }
  const letters = (await driver.readDeadLetters()).map(
    ({ value }) => `${value?.topic} ${value?.partition} ${value?.offset}`,
  );
  const result = { byKey, digests: driver.digests(), letters: letters.sort() };
  await driver.close();
  return result;
}

describe('laws', () => {
  it('batches of one, of any size and the whole input give the same outputs, dead letters and digests', async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.integer({ min: 1, max: 9 }), async (input, batchRecords) => {
        const whole = await run(sessionTopology, input, {});
        assert.deepEqual(await run(sessionTopology, input, { batchRecords: 1 }), whole);
        assert.deepEqual(await run(sessionTopology, input, { batchRecords, cacheEntries: 1 }), whole);
      }),
      { numRuns: 25 },
    );
  });

  it('behind a repartition topic, where tasks meet in the order of arrival, the last values and digests are the same', async () => {
    const last = ({ byKey, digests }: Awaited<ReturnType<typeof run>>) => {
      const values = Object.entries(byKey).map(([place, all]) => [place, (all.at(-1) as unknown[])[0]]);
      return { values: Object.fromEntries(values), digests };
    };
    await fc.assert(
      fc.asyncProperty(records, fc.integer({ min: 1, max: 9 }), async (input, batchRecords) => {
        const whole = await run(everyOperator, input, {});
        assert.deepEqual(
          last(await run(everyOperator, input, { batchRecords, cacheEntries: 0 })),
          last(whole),
        );
      }),
      { numRuns: 15 },
    );
  });

  it('a run that is stopped at any time, with its stores or without, ends as an undisturbed one', async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.boolean(), fc.nat(40), async (input, keepStores, cut) => {
        const sorted = input.toSorted(([, , , a], [, , , b]) => a - b);
        const driver = await open(sessionTopology);
        const pipe = (part: typeof sorted) =>
          driver.pipe(clicks, ...part.map(([user, item, n, ts]) => [user, { item, n }, ts] as const));
        await pipe(sorted.slice(0, cut));
        await driver.settle();
        await driver.restart({ keepStores });
        await pipe(sorted.slice(cut));
        await driver.announce(clicks, 10_000);
        await driver.settle();
        const undisturbed = await run(sessionTopology, sorted, {});
        assert.deepEqual(driver.digests(), undisturbed.digests);
        const outputs = (await driver.read(ended)).map(({ key, value }) => JSON.stringify([key, value]));
        const expected = Object.entries(undisturbed.byKey).flatMap(([place, values]) =>
          values.map((entry) => JSON.stringify([place.split(' ')[1], (entry as unknown[])[0]])),
        );
        assert.deepEqual(outputs.sort(), expected.sort());
        await driver.close();
      }),
      { numRuns: 25 },
    );
  });
});

describe('records that can’t be processed', () => {
  it('go to the dead letters with reason, place and bytes; what their handler did is dropped; the rest goes on', async () => {
    const driver = await open(sessionTopology);
    const good = { item: 'i', n: 1 };
    await driver.pipe(
      clicks,
      ['u', good, 1],
      ['u', { item: 'i', n: -1 }, 2],
      ['u', { item: 'i', n: 13 }, 3],
      ['u', good, 4],
    );
    const producer = await driver.log.producer();
    const raw = { value: Buffer.from('no json'), timestamp: 5 };
    await producer.append('clicks', 0, [
      { ...raw, key: Buffer.from('u') },
      { ...raw, key: null },
    ]);
    await driver.settle();
    const letters = (await driver.readDeadLetters()).map(({ value }) => [
      value?.operator,
      value?.reason,
      value?.offset,
    ]);
    const reasons = letters.map(([, reason]) => reason).sort();
    assert.deepEqual(reasons, [
      'MR_PROCESSOR_THREW',
      'MR_PROCESSOR_THREW',
      'MR_RECORD_NULL_KEY',
      'MR_TEST_NEGATIVE',
    ]);
    const bytes = (await driver.store<{ clicks: number }>('sessions/open')).get('u');
    assert.equal(bytes?.clicks, 2);
    await driver.close();
  });

  it('are skipped by policy', async () => {
    const driver = await open(sessionTopology, { onRecordError: 'skip' });
    await driver.pipe(clicks, ['u', { item: 'i', n: -1 }, 2]);
    await driver.settle();
    assert.deepEqual(await driver.readDeadLetters(), []);
    await driver.close();
  });

  it('stop the process by policy, naming the place', async () => {
    const driver = await open(sessionTopology, { onRecordError: 'fail' });
    await driver.pipe(clicks, ['u', { item: 'i', n: -1 }, 2]);
    await assert.rejects(
      () => driver.settle(),
      (error: Error) => errorCode(error) === 'MR_RECORD_FAILED' && /clicks-\d offset 0/.test(error.message),
    );
    await driver.close();
  });
});

describe('declarations that are refused', () => {
  const build = (declare: (builder: TopologyBuilder) => void) => () => {
    const builder = new TopologyBuilder({ name: 'bad', generation: 1 });
    declare(builder);
    builder.build();
  };
  const isInvalid = (error: unknown) => errorCode(error) === 'MR_TOPOLOGY_INVALID';
  const aggregate = { initial: () => 0, add: (sum: number) => sum + 1, value: json<number>() };

  it('state without a name', () => {
    assert.throws(
      build((builder) => builder.source(clicks).aggregate('', aggregate)),
      isInvalid,
    );
  });

  it('two operators of one name', () => {
    const twice = (builder: TopologyBuilder) => {
      const source = builder.source(clicks);
      source.aggregate('sum', aggregate);
      source.aggregate('sum', aggregate);
    };
    assert.throws(build(twice), isInvalid);
  });

  it('inputs whose partitions do not match', () => {
    const mismatched = jsonTopic<string>('mismatched', 3);
    const join = (builder: TopologyBuilder) =>
      builder.source(clicks).join('join', builder.table(mismatched), (left) => left);
    assert.throws(build(join), isInvalid);
  });
});
