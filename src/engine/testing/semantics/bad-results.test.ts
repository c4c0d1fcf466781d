import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { textKey } from '../../serde.ts';
import type { TopologyBuilder } from '../../topology/builder.ts';
import { defineProcessor, port } from '../../topology/processor.ts';
import type { Stream } from '../../topology/stream.ts';
import { session, sliding, tumbling, type Window } from '../../topology/windows/window.ts';
import { windowedKey } from '../../topology/windows/windowed-key.ts';
import { json, jsonTopic } from '../json-topic.ts';
import { open, rowsOf } from './rows-of.ts';

/** What the bad record's functions return: JSON has numbers where its writer was to put text. */
type Value = { readonly id: string };

const input = jsonTopic<Value>('input');
const other = jsonTopic<Value>('other');
const output = jsonTopic<Value>('output');
const windowed = { ...jsonTopic<number>('windowed'), key: windowedKey(textKey) };
const topics = [input, other, output, windowed] as never;
const value = json<Value>();
const numbers = json<number>();
type Values = Stream<string, Value>;

/** Lets each record out under the key `id`. */
const relaying = defineProcessor({
  inputs: { records: port<string, Value>() },
  outputs: { records: port<string, Value>() },
  stores: {},
  process: {
    records: ({ value, timestamp }, { emit }) => emit('records', value.id, value, timestamp),
  },
});
const relayed = (builder: TopologyBuilder): Values =>
  builder.process('relay', relaying, { records: builder.source(input) }).records;

async function run(
  t: Parameters<typeof open>[0],
  declare: (builder: TopologyBuilder) => void,
  bad: unknown,
): Promise<{ letters: unknown[]; operators: unknown[]; reasons: unknown[]; passed: number }> {
  const driver = await open(t, topics, declare);
  await driver.pipe(input, ['a', { id: 'a' }, 1], ['b', bad as Value, 2], ['c', { id: 'c' }, 3]);
  await driver.announce(input, 1_000);
  await driver.settle();
  const letters = (await driver.readDeadLetters()).map(({ value }) => value);
  const digests = driver.digests();
  await driver.restart({ keepStores: false });
  assert.deepEqual(driver.digests(), digests);
  return {
    letters: letters.map((letter) => letter?.message),
    operators: letters.map((letter) => letter?.operator),
    reasons: letters.map((letter) => letter?.reason),
    passed: (await rowsOf(driver, output)).length + (await rowsOf(driver, windowed)).length,
  };
}

describe('a key that is no text is put aside with the operator and the key, and the task goes on', () => {
  const windows: Readonly<Record<string, Window>> = {
    tumbling: tumbling({ sizeMs: 10, graceMs: 0 }),
    sliding: sliding({ timeDifferenceMs: 10, graceMs: 0 }),
    session: session({ gapMs: 1, graceMs: 0 }),
  };
  const joins = { beforeMs: 0, afterMs: 0, graceMs: 0, value, join: (left: Value) => left };
  const toOutput = (rows: { to(topic: never): void }) => rows.to(output as never);
  const named: Readonly<Record<string, readonly [operator: string, (builder: TopologyBuilder) => void]>> = {
    keyBy: ['by-id', (builder) => toOutput(builder.source(input).keyBy('by-id', ({ id }) => id, { value }))],
    'a sink': ['output-sink', (builder) => toOutput(relayed(builder))],
    count: ['counted', (builder) => toOutput(relayed(builder).count('counted', { value: numbers }))],
    'per commit': ['last-per-key-3', (builder) => toOutput(relayed(builder).lastPerCommit())],
    ...Object.fromEntries(
      Object.entries(windows).map(([kind, window]) => [
        kind,
        [
          'counted',
          (builder: TopologyBuilder) =>
            relayed(builder)
              .windowed(window)
              .count('counted', { value: numbers, emit: 'on-close' })
              .to(windowed),
        ],
      ]),
    ),
    'a group': [
      'by-id',
      (builder) =>
        toOutput(
          builder
            .source(input)
            .toTable(value)
            .groupBy('by-id', ({ id }) => id)
            .count('counted', { value: numbers }),
        ),
    ],
    'a join of streams': ['joined', (builder) => toOutput(relayed(builder).selfJoin('joined', joins))],
    'a join with a table': [
      'joined',
      (builder) => toOutput(relayed(builder).join('joined', builder.table(other), (left) => left)),
    ],
    'a join with a global table': [
      'joined',
      (builder) =>
        toOutput(
          builder.source(input).leftJoinGlobal(
            'joined',
            builder.globalTable(other),
            ({ value }) => value.id,
            (left) => left,
          ),
        ),
    ],
    'a join of tables': [
      'joined',
      (builder) =>
        toOutput(
          relayed(builder)
            .toTable(value)
            .leftJoin('joined', builder.table(other), (left) => left, { value }),
        ),
    ],
    'a foreign key': [
      'joined',
      (builder) =>
        toOutput(
          builder
            .source(input)
            .toTable(value)
            .leftJoinForeignKey(
              'joined',
              builder.table(other),
              ({ id }) => id,
              (left) => left,
              { value },
            ),
        ),
    ],
  };
  for (const [name, [operator, declare]] of Object.entries(named)) {
    for (const id of [7, { deep: [1] }]) {
      it(`${name}: ${JSON.stringify(id)}`, async (t) => {
        const { letters, reasons, passed } = await run(t, declare, { id });
        assert.deepEqual(reasons, ['MR_RECORD_KEY']);
        assert.ok(String(letters[0]).startsWith(`${operator}: `), String(letters[0]));
        assert.ok(String(letters[0]).includes(JSON.stringify(id)), String(letters[0]));
        assert.equal(passed, 2);
      });
    }
  }
});

describe('undefined, where a value is needed, is put aside with the operator and the key', () => {
  const unless = <T>(value: Value, result: T): T => (value.id === 'bad' ? (undefined as never) : result);
  const cases: Readonly<Record<string, readonly [operator: string, (records: Values) => unknown]>> = {
    map: ['map-2', (records) => records.map((v) => unless(v, v)).to(output)],
    flatMap: ['flat-map-2', (records) => records.flatMap((v) => unless(v, [v])).to(output)],
    'an element of flatMap': [
      'flat-map-2',
      (records) =>
        records
          .flatMap((v) => [v, unless(v, v)])
          .filter((_, { key }) => key !== 'x')
          .to(output),
    ],
    keyBy: ['by-id', (records) => records.keyBy('by-id', (v) => unless(v, v.id), { value }).to(output)],
    aggregate: [
      'made',
      (records) =>
        records
          .aggregate('made', { initial: () => ({ id: '' }), add: (_, { value: v }) => unless(v, v), value })
          .to(output),
    ],
    'a window on close': [
      'made',
      (records) =>
        records
          .windowed(tumbling({ sizeMs: 10, graceMs: 0 }))
          .aggregate('made', {
            initial: () => 0,
            add: (n, { value: v }) => unless(v, n + 1),
            value: numbers,
            emit: 'on-close',
          })
          .to(windowed),
    ],
    'a join of tables': [
      'made',
      (records) =>
        records
          .toTable(value)
          .leftJoin('made', records.builder.table(other), (v) => unless(v, v), { value })
          .to(output),
    ],
    groupBy: [
      'by-id',
      (records) =>
        records
          .toTable(value)
          .groupBy('by-id', (v) => unless(v, v.id))
          .count('counted', { value: numbers })
          .to(output as never),
    ],
  };
  for (const [name, [operator, declare]] of Object.entries(cases)) {
    it(name, async (t) => {
      const found = await run(t, (builder) => void declare(builder.source(input)), { id: 'bad' });
      assert.deepEqual(found.reasons, ['MR_RECORD_UNDEFINED']);
      assert.match(String(found.letters[0]), new RegExp(`^${operator} (returned|emitted) undefined .*"b"`));
      assert.equal(found.passed, name === 'an element of flatMap' ? 4 : 2);
    });
  }
});

describe('a time that is no whole number from 0 to 2^53 - 1 is refused where it is given', () => {
  type What = 'emit' | 'put' | 'delete' | 'setTimer';
  const timed = (what: What, badMs: number) =>
    defineProcessor({
      inputs: { records: port<string, Value>() },
      outputs: { records: port<string, Value>() },
      stores: { kept: { value } },
      process: {
        records: ({ key, value, timestamp }, { stores, emit, setTimer }) => {
          const at = value.id === 'bad' ? badMs : timestamp;
          if (what === 'put') stores.kept.put(key, value, at);
          if (what === 'delete') stores.kept.delete(key, at);
          if (what === 'setTimer') setTimer(key, at);
          emit('records', key, value, what === 'emit' ? at : timestamp);
        },
      },
      onTimer: () => {},
    });
  for (const what of ['emit', 'put', 'delete', 'setTimer'] as const) {
    // A timer may have been due long ago, or be due never.
    const others = what === 'setTimer' ? [] : [-1, 2 ** 53, Number.POSITIVE_INFINITY];
    for (const badMs of [1.5, Number.NaN, Number.NEGATIVE_INFINITY, ...others]) {
      it(`${what} at ${badMs}`, async (t) => {
        const declare = (builder: TopologyBuilder) => {
          const spec = timed(what, badMs);
          builder.process('timed', spec, { records: builder.source(input) }).records.to(output);
        };
        const { letters, operators, reasons, passed } = await run(t, declare, { id: 'bad' });
        assert.deepEqual([operators, reasons, passed], [['timed'], ['MR_RECORD_TIMESTAMP'], 2]);
        assert.match(String(letters[0]), new RegExp(`^timed.*"b".* ${badMs}$`));
      });
    }
  }

  it('a timer may be due long ago, or never', async (t) => {
    for (const dueMs of [-5, 2 ** 60, Number.POSITIVE_INFINITY]) {
      const declare = (builder: TopologyBuilder) => {
        const spec = timed('setTimer', dueMs);
        builder.process('timed', spec, { records: builder.source(input) }).records.to(output);
      };
      assert.deepEqual((await run(t, declare, { id: 'bad' })).letters, []);
    }
  });
});
