import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '#models';
import { testSeed } from '#platform/testing';
import type { KeySerde, Topic } from '../../serde.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import type { Stream } from '../../topology/stream.ts';
import type { Table } from '../../topology/table.ts';
import { TopologyDriver } from '../driver.ts';
import { json, jsonTopic } from '../json-topic.ts';
import { type Input, type JoinCase, joinCases, type Row, rowOf } from './join-cases.ts';

const SPLITS = 40;
const HISTORY_MS = 300_000;

/** What some steps give here where it is not what Kafka Streams gives; the reasons are in docs/SEMANTICS.md. */
type Difference = { readonly name: string; readonly out: Readonly<Record<number, readonly Row[]>> };

const WAITS = 'a record that waits is joined when the watermark has passed its grace';
const CLOSING =
  'what met nothing comes out behind the record that closes it, in the order of closing, then of keys';
const TOGETHER = 'rows that go together take their pair with them';

const differences: Readonly<Record<string, Difference>> = {
  'stream-table-grace/innerWithVersionedStore': { name: WAITS, out: { 6: ['0 B-a 5'], 8: [] } },
  'stream-table-grace/leftWithVersionedStore': {
    name: WAITS,
    out: { 6: ['0 B-a 5'], 8: [], 10: ['0 C-null 9'], 18: [] },
  },
  'table-table-multi/innerInner': { name: TOGETHER, out: { 10: ['0 null 11'] } },
  'table-table-multi/outerInner': { name: TOGETHER, out: { 7: ['0 null 8'] } },
  'outer-join/unmatched-before-match': { name: CLOSING, out: { 1: ['1 A1+11 110', '0 A0+null 0'] } },
  'outer-join/grace10': { name: CLOSING, out: { 2: ['0 A0+null 0', '1 null+11 0'] } },
  'outer-join/asymmetric-before5-after20': {
    name: CLOSING,
    out: { 5: ['3 null+13 36', '4 null+14 37', '0 A0+null 29'] },
  },
};

type Tagged = { readonly side: 'L' | 'R'; readonly value: string | null };
type Key = string | null;
type Text = string | null;

/** Readers give a record without a key the empty text. */
const keys: KeySerde<Key> = { toText: (key) => key ?? '', fromText: (text) => text || null };
const input: Topic<Key, Tagged> = { ...jsonTopic<Tagged>('input'), key: keys };
const output: Topic<Key, Text> = { ...jsonTopic<Text>('output'), key: keys };
const value = json<string>();

function declare({ join, joiner }: JoinCase) {
  const builder = new TopologyBuilder({ name: 'semantics', generation: 1 });
  const { L, R } = builder
    .source(input, { nullKeys: 'keep' })
    .branch({ L: ({ side }) => side === 'L', R: ({ side }) => side === 'R' });
  const [left, right] = [L.map((tagged) => tagged.value), R.map((tagged) => tagged.value)];
  joined(join, joiner, left, right).to(output);
  return builder.build();
}

function joined(
  join: JoinCase['join'],
  joiner: (left: unknown, right: unknown) => Text,
  left: Stream<Key, Text>,
  right: Stream<Key, Text>,
): Stream<Key, Text> {
  const table = (side: Stream<Key, Text>, versioned: boolean): Table<Key, string> =>
    versioned ? side.toTable(value).versioned({ historyMs: HISTORY_MS }) : side.toTable(value);
  switch (join.of) {
    case 'streams': {
      const { kind, window } = join;
      const options = { ...window, value, other: value, join: joiner };
      if (kind === 'self') return left.selfJoin('join', options);
      if (kind === 'inner') return left.joinStream('join', right, options);
      if (kind === 'left') return left.leftJoinStream('join', right, options);
      return left.outerJoinStream('join', right, options);
    }
    case 'stream-table': {
      const { kind, versioned, graceMs } = join;
      const wait = graceMs === undefined ? undefined : { graceMs, value };
      const apply = (l: string, r: string | undefined) =>
        kind === 'inner' && r === undefined ? undefined : joiner(l, r ?? null);
      return left.join('join', table(right, versioned), apply, wait);
    }
    case 'tables': {
      const other = table(right, join.versioned.right);
      let result = table(left, join.versioned.left);
      for (const [i, kind] of join.kinds.entries()) {
        const method = { inner: 'join', left: 'leftJoin', outer: 'outerJoin' } as const;
        result = result[method[kind as 'inner']](`join-${i}`, other, joiner as JoinCase['joiner'], { value });
      }
      return result.toStream();
    }
  }
}

/** What comes out of each of the pieces that the input is fed in. */
async function run(of: JoinCase, pieces: readonly (readonly Input[])[]): Promise<Row[][]> {
  // In pieces: most rows leave the memory between them.
  const options = pieces.length > 1 ? { cacheEntries: 1 } : {};
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([input, output]);
    return declare(of);
  }, options);
  try {
    const outs: Row[][] = [];
    const producer = await driver.log.producer();
    for (const piece of pieces) {
      const records = piece.map(({ side, key, value, timestamp }) => ({
        key: key === null ? null : Buffer.from(key),
        value: input.value.encode({ side, value }),
        timestamp,
      }));
      await producer.append(input.name, 0, records);
      await driver.settle();
      const read = await driver.read(output);
      outs.push(read.map((record) => rowOf(record.key, record.value, record.timestamp)));
    }
    await producer.close();
    assert.deepEqual(await driver.readDeadLetters(), []);
    return outs;
  } finally {
    await driver.close();
  }
}

/** A failure names its pieces. */
function* splits(inputs: readonly Input[]) {
  const random = seededRandom(testSeed);
  yield [inputs];
  for (let i = 0; i < SPLITS; i++) {
    const pieces: Input[][] = [[]];
    const density = random.uniform();
    for (const record of inputs) {
      if (random.uniform() < density) pieces.push([]);
      pieces.at(-1)?.push(record);
    }
    yield pieces.filter((piece) => piece.length > 0);
  }
}

describe('joins do what Kafka Streams does', () => {
  for (const each of joinCases) {
    const difference = differences[each.id];
    it(difference === undefined ? each.id : `${each.id}, but ${difference.name}`, async () => {
      const expected = each.steps.map(({ out }, i) => difference?.out[i] ?? out);
      const inputs = each.steps.flatMap((step) => step.in);
      const single = await run(
        each,
        inputs.map((record) => [record]),
      );
      const bySteps = each.steps.map((step) => single.splice(0, step.in.length).flat());
      assert.deepEqual(bySteps, expected, 'record by record');
      for (const pieces of splits(inputs)) {
        const outs = await run(each, pieces);
        assert.deepEqual(outs.flat(), expected.flat(), `in pieces of ${pieces.map(({ length }) => length)}`);
      }
    });
  }
});
