import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TopologyDriver } from '../testing/driver.ts';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { TopologyBuilder } from './builder.ts';
import { defineProcessor, port } from './processor.ts';
import type { Stream } from './stream.ts';
import type { Table } from './table.ts';
import { tumbling } from './windows/window.ts';
import type { Windowed } from './windows/windowed-key.ts';

type Input = readonly [key: string, value: number | null, timestamp: number];

const input = jsonTopic<number>('input');
const other = jsonTopic<number>('other');
const output = jsonTopic<string>('output');
const value = json<number>();
const text = json<string>();
const pair = (a: unknown, b: unknown) => `${a}/${b}`;
const window = { beforeMs: 5, afterMs: 5, graceMs: 0 };

/** Windowed rows under the key's own text. */
function rekeyed<V>(rows: Table<Windowed<string>, V>): Stream<string, V> {
  const spec = defineProcessor({
    inputs: { rows: port<Windowed<string>, V | null>() },
    outputs: { rows: port<string, V>() },
    stores: {},
    process: {
      rows: ({ key: { key }, value: row, timestamp }, { emit }) => {
        if (row !== null) emit('rows', key, row, timestamp);
      },
    },
  });
  const { builder } = rows;
  return builder.process(builder.nextName('rekeyed'), spec, { rows: rows.toStream() }).rows;
}

/** Sums by window, as `start: sum`. */
function sums(stream: Stream<string, number>, sizeMs: number, graceMs = 0): Stream<string, string> {
  const summed = stream.windowed(tumbling({ sizeMs, graceMs })).aggregate('sums', {
    initial: () => 0,
    add: (sum, { value: n }) => sum + n,
    value,
    emit: 'on-close',
  });
  const spec = defineProcessor({
    inputs: { rows: port<Windowed<string>, number | null>() },
    outputs: { rows: port<string, string>() },
    stores: {},
    process: {
      rows: ({ key: { key, startMs }, value: sum, timestamp }, { emit }) =>
        emit('rows', key, `${startMs}: ${sum}`, timestamp),
    },
  });
  return stream.builder.process('labelled', spec, { rows: summed.toStream() }).rows;
}

async function open(
  declare: (input: Stream<string, number>, builder: TopologyBuilder) => Stream<string, string>,
) {
  return await TopologyDriver.open(async (log) => {
    await log.createTopics([input, other, output]);
    const builder = new TopologyBuilder({ name: 'time', generation: 1 });
    declare(builder.source(input), builder).to(output);
    return builder.build();
  });
}

/** What comes out, one by one, all at once, with time in steps of a millisecond, and restarted after each record. */
async function outputs(
  records: readonly Input[],
  endMs: number,
  declare: (input: Stream<string, number>, builder: TopologyBuilder) => Stream<string, string>,
): Promise<unknown[]> {
  const ways = ['whole', 'one by one', 'restarted', 'millisecond by millisecond'] as const;
  const runs: unknown[][] = [];
  for (const way of ways) {
    const driver = await open(declare);
    let now = records[0]?.[2] ?? 0;
    for (const record of records) {
      if (way === 'millisecond by millisecond')
        for (; now < record[2]; now++) {
          await driver.announce(input, now);
          await driver.settle();
        }
      await driver.pipe(input, record);
      if (way !== 'whole') await driver.settle();
      if (way === 'restarted') await driver.restart({ keepStores: records.indexOf(record) % 2 === 0 });
    }
    for (; way === 'millisecond by millisecond' && now < endMs; now++) {
      await driver.announce(input, now);
      await driver.settle();
    }
    await driver.announce(input, endMs);
    await driver.settle();
    const found = (await driver.read(output)).map(({ key, value: row }) => `${key} ${JSON.stringify(row)}`);
    assert.doesNotMatch(await driver.metrics.render(), /dropped_records_total\{[^}]*late/, way);
    runs.push(found);
    await driver.close();
  }
  for (const [i, way] of ways.entries()) assert.deepEqual(runs[i], runs[0], way);
  return runs[0] as unknown[];
}

/** With nothing on the right side. */
function leftJoinedTwice(left: Stream<string, number>): Stream<string, string> {
  const none = left.filter(() => false);
  const joined = left.leftJoinStream('first', none, { ...window, value, other: value, join: pair });
  return joined.leftJoinStream('second', none, { ...window, value: text, other: value, join: pair });
}

describe('what a timer emits is on time for the next operator of the same task', () => {
  it('from a left join to a left join', async () => {
    assert.deepEqual(await outputs([['a', 1, 100]], 200, leftJoinedTwice), ['a "1/null/null"']);
  });

  it('as soon as the watermark closes both', async () => {
    const driver = await open(leftJoinedTwice);
    await driver.pipe(input, ['a', 1, 100]);
    await driver.announce(input, 105);
    await driver.settle();
    assert.deepEqual(await driver.read(output), []);
    await driver.announce(input, 106);
    await driver.settle();
    assert.equal((await driver.read(output)).length, 1);
    await driver.close();
  });

  const counts: readonly Input[] = [1, 2, 12, 45].map((ms) => ['a', 1, ms]);

  it('from windows on close to wider windows', async () => {
    const found = await outputs(counts, 100, (stream) => {
      const ten = stream.windowed(tumbling({ sizeMs: 10, graceMs: 0 }));
      return sums(rekeyed(ten.count('counts', { value, emit: 'on-close' })), 20);
    });
    assert.deepEqual(found, ['a "0: 3"', 'a "40: 1"']);
  });

  it('from windows with a grace to narrower windows without', async () => {
    const found = await outputs(counts, 100, (stream) => {
      const ten = stream.windowed(tumbling({ sizeMs: 10, graceMs: 7 }));
      return sums(rekeyed(ten.count('counts', { value, emit: 'on-close' })), 3);
    });
    assert.deepEqual(found, ['a "0: 2"', 'a "12: 1"', 'a "45: 1"']);
  });

  it('unless it was late itself, and a restart makes that neither better nor worse', async () => {
    const runs: unknown[] = [];
    for (const restarts of [false, true]) {
      const driver = await open((stream) => {
        const ten = stream.windowed(tumbling({ sizeMs: 10, graceMs: 7 }));
        return sums(rekeyed(ten.count('counts', { value, emit: 'on-close' })), 3);
      });
      await driver.pipe(input, ['a', 1, 14], ['a', 1, 5]);
      await driver.settle();
      if (restarts) await driver.restart({ keepStores: false });
      await driver.pipe(input, ['a', 1, 30]);
      await driver.announce(input, 100);
      await driver.settle();
      runs.push((await driver.read(output)).map(({ value: row }) => row));
      await driver.close();
    }
    assert.deepEqual(runs, [
      ['12: 1', '30: 1'],
      ['12: 1', '30: 1'],
    ]);
  });

  it('from a suppressed table', async () => {
    for (const options of [{ until: 'window-close' }, { forMs: 30 }] as const) {
      const found = await outputs(counts, 100, (stream) => {
        const ten = stream.windowed(tumbling({ sizeMs: 10, graceMs: 5 }));
        return sums(rekeyed(ten.count('counts', { value }).suppress('held', options)), 20);
      });
      assert.deepEqual(found, ['a "0: 3"', 'a "40: 1"'], JSON.stringify(options));
    }
  });

  it('from a join that waits for its table', async () => {
    const found = await outputs(counts, 100, (stream) => {
      const table = stream
        .map((n) => n * 10)
        .toTable(value)
        .versioned({ historyMs: 50 });
      const joined = stream.join('joined', table, (a, b = 0) => a + b, { graceMs: 20, value });
      return sums(joined, 5);
    });
    assert.deepEqual(found, ['a "0: 22"', 'a "10: 11"', 'a "45: 11"']);
  });

  const delayed = (emitsAt: (timestamp: number, dueMs: number) => number, holds: boolean) =>
    defineProcessor({
      inputs: { records: port<string, number>() },
      outputs: { delayed: port<string, number>() },
      stores: { waiting: { value: json<readonly [number, number]>() } },
      process: {
        records: ({ key, value: n, timestamp }, { stores, setTimer }) => {
          stores.waiting.put(key, [n, timestamp], timestamp);
          setTimer(key, timestamp + 9, holds ? timestamp : undefined);
        },
      },
      onTimer: (key, dueMs, { stores, emit, watermark }) => {
        const [n, timestamp] = stores.waiting.get(key) ?? [0, 0];
        assert.ok(watermark >= dueMs);
        emit('delayed', key, n, emitsAt(timestamp, dueMs));
      },
    });

  it('from a processor, under the time when the timer was due or an earlier one that it holds', async () => {
    const sparse: readonly Input[] = [
      ['a', 1, 1],
      ['b', 1, 21],
      ['c', 1, 45],
    ];
    const atDue = await outputs(sparse, 100, (records, builder) =>
      sums(
        builder.process(
          'delayed',
          delayed((_, dueMs) => dueMs, false),
          { records },
        ).delayed,
        3,
      ),
    );
    assert.deepEqual(atDue, ['a "9: 1"', 'b "30: 1"', 'c "54: 1"']);
    const before = await outputs(sparse, 100, (records, builder) =>
      sums(
        builder.process(
          'delayed',
          delayed((timestamp) => timestamp, true),
          { records },
        ).delayed,
        3,
      ),
    );
    assert.deepEqual(before, ['a "0: 1"', 'b "21: 1"', 'c "45: 1"']);
  });
});

describe('what a commit lets out is on time for the next operator', () => {
  it('however much time the commit spans', async () => {
    const driver = await open((stream) => {
      const ten = stream.windowed(tumbling({ sizeMs: 10, graceMs: 0 }));
      return sums(rekeyed(ten.count('counts', { value, emit: 'per-commit' })), 10);
    });
    await driver.pipe(
      input,
      ['a', 1, 1],
      ['a', 1, 2],
      ['b', 1, 3],
      ['a', 1, 12],
      ['a', 1, 45],
      ['a', 1, 1000],
    );
    await driver.settle();
    const found = (await driver.read(output)).map(({ key, value: row }) => `${key} ${row}`);
    assert.deepEqual(found, ['a 0: 2', 'b 0: 1', 'a 10: 1', 'a 40: 1']);
    await driver.close();
  });

  it('and windows suppressed until they close, though their updates went out once per commit', async () => {
    const driver = await open((stream) => {
      const ten = stream.windowed(tumbling({ sizeMs: 10, graceMs: 0 }));
      const counts = ten.count('counts', { value, emit: 'per-commit' });
      return rekeyed(counts.suppress('final', { until: 'window-close' })).map(String);
    });
    await driver.pipe(input, ['a', 1, 1], ['a', 1, 2]);
    await driver.settle();
    await driver.pipe(input, ['a', 1, 3], ['a', 1, 50]);
    await driver.settle();
    assert.deepEqual(
      (await driver.read(output)).map(({ value: row }) => row),
      ['3'],
    );
    await driver.close();
  });
});

it('what a foreign key has joined is on time for a window after it', async () => {
  for (const left of ['stream', 'table'] as const) {
    const driver = await TopologyDriver.open(async (log) => {
      await log.createTopics([input, other, output]);
      const builder = new TopologyBuilder({ name: 'time', generation: 1 });
      const rows = left === 'table' ? builder.table(input) : builder.source(input).toTable(value);
      const joined = rows.joinForeignKey(
        'joined',
        builder.table(other),
        (n) => `r${n}`,
        (a, b) => a + b,
        { value },
      );
      sums(joined.toStream() as Stream<string, number>, 10).to(output);
      return builder.build();
    });
    await driver.pipe(other, ['r1', 10, 0], ['r2', 20, 0]);
    await driver.settle();
    await driver.pipe(input, ['a', 1, 1], ['b', 2, 2], ['c', 1, 12], ['d', 2, 100], ['e', 1, 200]);
    await driver.pipe(other, ['r3', 1, 200]);
    await driver.settle();
    const found = (await driver.read(output)).map(({ key, value: row }) => `${key} ${row}`);
    assert.deepEqual(found, ['a 0: 11', 'b 0: 22', 'c 10: 11', 'd 100: 22'], left);
    assert.doesNotMatch(await driver.metrics.render(), /dropped_records_total\{[^}]*late/);
    await driver.close();
  }
});

describe('a sub-topology that feeds itself', () => {
  const feeding: Readonly<Record<string, (stream: Stream<string, number>) => Stream<string, number>>> = {
    'by a merge': (stream) => {
      const counts = rekeyed(
        stream.windowed(tumbling({ sizeMs: 10, graceMs: 0 })).count('counts', { value, emit: 'on-close' }),
      );
      return stream.merge(counts.map((n) => n * 100).keyBy('back', (_, key) => key, { value }));
    },
    'by a join': (stream) => {
      const back = stream.keyBy('back', (_, key) => key, { value });
      return stream.joinStream('joined', back, { ...window, value, other: value, join: (a, b) => a * b });
    },
    'through another': (stream) => {
      const there = stream.keyBy('there', (_, key) => `${key}-there`, { value });
      const counts = rekeyed(
        there.windowed(tumbling({ sizeMs: 10, graceMs: 0 })).count('counts', { value, emit: 'on-close' }),
      );
      return stream.merge(counts.map((n) => n * 100).keyBy('back', (_, key) => key.slice(0, 1), { value }));
    },
  };
  const expected: Readonly<Record<string, readonly string[]>> = {
    'by a merge': ['a 0: 202', 'a 40: 101'],
    'by a join': ['a 0: 4', 'a 40: 1'],
    'through another': ['a 0: 202', 'a 40: 101'],
  };
  for (const [name, declare] of Object.entries(feeding)) {
    it(`${name} has a watermark`, async () => {
      const driver = await open((stream) => sums(declare(stream), 20));
      for (const ms of [1, 2, 45, 300]) {
        await driver.pipe(input, ['a', 1, ms]);
        await driver.settle();
      }
      const found = (await driver.read(output)).map(({ key, value: row }) => `${key} ${row}`);
      assert.deepEqual(found, expected[name]);
      assert.doesNotMatch(await driver.metrics.render(), /dropped_records_total\{[^}]*late/);
      await driver.close();
    });
  }

  it('is refused where an operator waits for its own output, which is named', () => {
    const builder = new TopologyBuilder({ name: 'time', generation: 1 });
    const back = builder.source(other, { watermark: 'carried' });
    builder
      .source(input)
      .merge(back)
      .map((n) => n + 1)
      .to(other, { heartbeat: true });
    assert.throws(() => builder.build(), {
      code: 'MR_TOPOLOGY_INVALID',
      message: /waits for itself.*other-sink.*other/,
    });
    const free = new TopologyBuilder({ name: 'time', generation: 1 });
    const outside = free.source(other);
    free
      .source(input)
      .merge(outside)
      .map((n) => n + 1)
      .to(other, { heartbeat: true });
    free.build();
  });
});
