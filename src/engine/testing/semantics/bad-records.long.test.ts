import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_RECORD_BYTES } from '#log';
import type { KeySerde, Topic } from '../../serde.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import type { Stream } from '../../topology/stream.ts';
import type { Table } from '../../topology/table.ts';
import { tumbling } from '../../topology/windows/window.ts';
import type { Windowed } from '../../topology/windows/windowed-key.ts';
import { TopologyDriver } from '../driver.ts';
import { json, jsonTopic } from '../json-topic.ts';
import { type Chain, chains, input, output, type Tagged } from './chains.ts';

type Raw = readonly [key: string | null, side: 'L' | 'R', n: number, timestamp: number];

const good: readonly Raw[] = [
  ['a', 'R', 1, 20],
  ['a', 'L', 2, 21],
  ['b', 'L', 3, 22],
  ['b', 'R', 4, 23],
  ['a', 'L', 5, 40],
];

/** What comes of the good records with the bad ones between or behind them, then again without the local stores. */
async function run(chain: Chain, records: readonly Raw[]) {
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([input, output]);
    const builder = new TopologyBuilder({ name: 'bad', generation: 1 });
    const { left, right } = builder
      .source(input, { nullKeys: 'keep' })
      .branch({ left: ({ side }) => side === 'L', right: () => true });
    const made = chain(left.map(({ n }) => n) as never, right.map(({ n }) => n) as never);
    (made as Stream<string, string | null>).to(output);
    return builder.build();
  });
  try {
    const producer = await driver.log.producer();
    const raw = records.map(([key, side, n, timestamp]) => {
      return {
        key: key === null ? null : Buffer.from(key),
        value: Buffer.from(JSON.stringify({ side, n })),
        timestamp,
      };
    });
    await producer.append(input.name, 0, raw);
    await producer.close();
    await driver.settle();
    const digests = driver.digests();
    await driver.restart({ keepStores: false });
    assert.deepEqual(driver.digests(), digests);
    return {
      outs: (await driver.read(output)).map(({ key, value, timestamp }) => `${key} ${value} ${timestamp}`),
      reasons: (await driver.readDeadLetters()).map(({ value }) => value?.reason),
      dropped: (await driver.metrics.render()).match(/^.*dropped_records_total\{.*"null-key".*$/gm) ?? [],
    };
  } finally {
    await driver.close();
  }
}

/** Joins that have something to say of a record without a key. */
const joinsNoKey = /^(left|outer) join of streams|^stream and/;

describe('a record without a key, where operators need one, is counted as dropped, and its neighbours go on', () => {
  for (const [name, chain] of Object.entries(chains)) {
    if (name.includes('one’s own')) continue;
    it(name, async () => {
      const alone = await run(chain, good);
      const [first, second, third, ...rest] = good as [Raw, Raw, Raw, ...Raw[]];
      const found = await run(chain, [first, second, [null, 'L', 6, 22], third, [null, 'R', 7, 23], ...rest]);
      assert.deepEqual(found.reasons, []);
      assert.deepEqual(
        found.outs.filter((row) => /^[ab] /.test(row)),
        alone.outs,
      );
      if (!joinsNoKey.test(name)) {
        assert.deepEqual(found.outs, alone.outs);
        assert.ok(found.dropped.length > 0, 'counted');
      }
    });
  }
});

describe('a record at a time that no window holds is put aside, and nobody waits for it', () => {
  const windowed = Object.entries(chains).filter(([name]) =>
    /window|tumbl|hop|slid|sess|streams|self/.test(name),
  );
  for (const [name, chain] of windowed) {
    it(name, async () => {
      for (const timestamp of [1e300, 2 ** 53 + 2]) {
        const found = await run(chain, [...good, ['c', 'L', 6, timestamp]]);
        assert.ok(found.reasons.length > 0);
        assert.deepEqual(new Set(found.reasons), new Set(['MR_RECORD_TIMESTAMP']));
        assert.deepEqual(
          found.outs.filter((row) => row.startsWith('c')),
          [],
        );
      }
    });
  }
});

describe('a result that no log takes is put aside and counted wherever it comes from, and the others go on', () => {
  const small = json<number>();
  const numbers: Topic<string, number> = {
    ...jsonTopic<number>('output'),
    value: {
      ...small,
      encode: (value) => (value === 2 ? Buffer.alloc(MAX_RECORD_BYTES + 1) : small.encode(value)),
    },
  };
  const value = json<number>();
  const window = tumbling({ sizeMs: 10, graceMs: 0 });
  type Counts = (records: Stream<string, Tagged>) => Table<string, number> | Table<Windowed<string>, number>;
  const sources: Readonly<Record<string, Counts>> = {
    'after a record': (records) => records.count('op', { value }),
    'at the commit': (records) => records.count('op', { value, emit: 'per-commit' }),
    'when a window closes': (records) => records.windowed(window).count('op', { value, emit: 'on-close' }),
    'when a suppressed row goes out': (records) =>
      records.windowed(window).count('op', { value }).suppress('held', { until: 'window-close' }),
    'when a suppressed time is over': (records) =>
      records.count('op', { value }).suppress('held', { forMs: 10 }),
  };
  for (const [when, counts] of Object.entries(sources)) {
    it(when, async () => {
      const driver = await TopologyDriver.open(async (log) => {
        await log.createTopics([input, output]);
        const builder = new TopologyBuilder({ name: 'bad', generation: 1 });
        const rows = counts(builder.source(input)) as Table<string, number>;
        const key: KeySerde<string> = {
          toText: (of) => (of as { key?: string }).key ?? of,
          fromText: String,
        };
        rows
          .toStream()
          .withKey(key)
          .to({ ...numbers, key } as Topic<string, number | null>);
        return builder.build();
      });
      const record = (key: string, timestamp: number) => [key, { side: 'L', n: 1 }, timestamp] as const;
      await driver.pipe(
        input,
        record('a', 1),
        record('b', 2),
        record('a', 3),
        record('c', 4),
        record('z', 50),
      );
      await driver.settle();
      const letters = await driver.readDeadLetters();
      assert.deepEqual(
        letters.map(({ value }) => [value?.operator, value?.reason]),
        [['output-sink', 'MR_RECORD_TOO_LARGE']],
      );
      assert.match(letters[0]?.value?.key?.toString() ?? '', /^a/);
      assert.match(
        await driver.metrics.render(),
        /rejected_records_total\{operator="output-sink",reason="MR_RECORD_TOO_LARGE"\} 1\n/,
      );
      const keys = (await driver.read(numbers)).map(({ key }) => key);
      assert.deepEqual(keys.filter((key) => key === 'b' || key === 'c').sort(), ['b', 'c']);
      await driver.close();
    });
  }
});
