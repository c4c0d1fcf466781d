import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Topic } from '../../serde.ts';
import { textKey } from '../../serde.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import type { Table } from '../../topology/table.ts';
import { hopping, session, sliding, tumbling, type Window } from '../../topology/windows/window.ts';
import { type Windowed, windowedKey } from '../../topology/windows/windowed-key.ts';
import { TopologyDriver } from '../driver.ts';
import { json, jsonTopic } from '../json-topic.ts';
import facts from './window-semantics.json' with { type: 'json' };

type State = string | number;
type Row = readonly (string | number | null)[];
type Results = { readonly updates: Row[]; readonly closed: Row[]; readonly suppressed: Row[] };
type Case = {
  readonly id: string;
  readonly window: { readonly type: string; readonly [property: string]: unknown };
  readonly aggregate: string;
  readonly input: readonly Row[];
  readonly onUpdate?: readonly Row[];
  readonly onUpdateUnordered?: readonly Row[];
  readonly onCloseKafka?: readonly Row[];
  readonly onCloseComplete?: readonly Row[];
  readonly suppressed?: readonly Row[];
};

/**
 * Where we differ from what Kafka Streams' own tests assert (docs/SEMANTICS.md, "Windows"): each window that closes
 * goes out, also where the watermark leaps over it.
 */
const CLOSES_COMPLETELY: readonly string[] = ['hopping/grace0', 'hopping/grace5'];

const cases = facts.cases as unknown as readonly Case[];
const input = jsonTopic<string>('input');
const results = (name: string): Topic<Windowed<string>, State> => ({
  ...jsonTopic<State>(name),
  key: windowedKey(textKey),
});
const updates = results('updates');
const closed = results('closed');
const suppressed = results('suppressed');

function windowOf({ window }: Case): Window {
  const of = window as never;
  switch (window.type) {
    case 'tumbling':
      return tumbling(of);
    case 'hopping':
      return hopping(of);
    case 'sliding':
      return sliding(of);
    case 'session':
      return session(of);
    default:
      throw new Error(`no window is called ${window.type}`);
  }
}

function declare(fact: Case, builder: TopologyBuilder): void {
  const windowed = builder.source(input, { watermark: { outOfOrderMs: 0 } }).windowed(windowOf(fact));
  const folded = (name: string, emit: 'every-update' | 'on-close'): Table<Windowed<string>, State> => {
    if (fact.aggregate === 'count') {
      return windowed.count(name, { value: json<number>(), emit }) as Table<Windowed<string>, State>;
    }
    return windowed.aggregate<State>(name, {
      initial: () => '0',
      add: (state, { value }) => `${state}+${value}`,
      merge: (earlier: State, later: State) => `${earlier}+${later}`,
      value: json<State>(),
      emit,
    });
  };
  const changes = folded('each', 'every-update');
  changes.to(updates);
  changes.suppress('held', { until: 'window-close' }).to(suppressed);
  folded('final', 'on-close').to(closed);
}

/** Runs the records through in these pieces, each settled before the next comes. */
async function run(fact: Case, pieces: readonly number[], batchRecords: number): Promise<Results> {
  const driver = await TopologyDriver.open(
    async (log) => {
      const topics = [input, updates, closed, suppressed];
      await log.createTopics(topics);
      const builder = new TopologyBuilder({ name: 'windows', generation: 1 });
      declare(fact, builder);
      return builder.build();
    },
    { batchRecords },
  );
  try {
    const records = fact.input as readonly (readonly [string, string, number])[];
    let at = 0;
    for (const piece of [...pieces, records.length]) {
      if (at >= records.length) break;
      await driver.pipe(input, ...records.slice(at, at + piece));
      await driver.settle();
      at += piece;
    }
    const rowsOf = async (topic: Topic<Windowed<string>, State>): Promise<Row[]> =>
      (await driver.read(topic)).map(({ key, value, timestamp }) => {
        assert.ok(key !== null);
        return [key.key, key.startMs, key.endMs, value, timestamp];
      });
    return {
      updates: await rowsOf(updates),
      closed: await rowsOf(closed),
      suppressed: await rowsOf(suppressed),
    };
  } finally {
    await driver.close();
  }
}

const sorted = (rows: readonly Row[]) => rows.map((row) => JSON.stringify(row)).sort();

function check(fact: Case, { updates, closed, suppressed }: Results): void {
  if (fact.onUpdate !== undefined) {
    assert.deepEqual(updates, fact.onUpdate);
  }
  if (fact.onUpdateUnordered !== undefined) assert.deepEqual(sorted(updates), sorted(fact.onUpdateUnordered));
  if (CLOSES_COMPLETELY.includes(fact.id)) assert.notDeepEqual(closed, fact.onCloseKafka);
  else if (fact.onCloseKafka !== undefined) assert.deepEqual(closed, fact.onCloseKafka);
  if (fact.onCloseComplete !== undefined) assert.deepEqual(closed, fact.onCloseComplete);
  if (fact.suppressed !== undefined) assert.deepEqual(suppressed, fact.suppressed);
  assert.deepEqual(closed, suppressed, 'the last result and the one on close are the same');
}

it('every difference that is expected is one of a case', () => {
  const ids = cases.map(({ id }) => id);
  for (const id of CLOSES_COMPLETELY) assert.ok(ids.includes(id), id);
});

for (const fact of cases) {
  it(`${fact.id}: one by one, whole, and in 100 random pieces`, async () => {
    check(fact, await run(fact, [], 1));
    check(fact, await run(fact, [], 1_000));
    const pieces = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: fact.input.length });
    const law = fc.asyncProperty(pieces, fc.integer({ min: 1, max: 5 }), async (split, batchRecords) =>
      check(fact, await run(fact, split, batchRecords)),
    );
    await fc.assert(law, { numRuns: 100 });
  });
}
