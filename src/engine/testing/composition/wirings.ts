import assert from 'node:assert/strict';
import { TopologyBuilder } from '../../topology/builder.ts';
import { TopologyDriver } from '../driver.ts';
import { jsonTopic } from '../json-topic.ts';
import type { Operator, Rows, Setting } from './catalogue/operator.ts';
import { text } from './catalogue/operator.ts';
import type { Row, Tagged } from './model.ts';

type Value = { readonly to: number; readonly value: string | null };

const input = jsonTopic<Value>('input');
const output = jsonTopic<string | null>('output');

/** How the operators of a chain are put together. */
export const WIRINGS = ['one task', 'keyBy between'] as const;
export type Wiring = (typeof WIRINGS)[number];

/** Time goes on to here when all records have been read. */
export const END_MS = 1_000_000;

/** Declares the chain: each operator's second input is the records that are tagged for it. */
export function declareChain(
  source: Rows[],
  operators: readonly Operator[],
  setting: Setting,
  wiring: Wiring,
): Rows {
  const [main, ...sides] = source as [Rows, ...Rows[]];
  return operators.reduce((rows, operator, i) => {
    const between = i > 0 && wiring === 'keyBy between';
    const reached = between
      ? rows.keyBy(`between-${i}`, (_value, key) => key, { value: text as never })
      : rows;
    return operator.declare(reached, sides[i] as Rows, `op-${i + 1}`, setting);
  }, main);
}

/** What comes out of the chain for each piece of records, and at the end when time goes on; all wirings have one partition. */
export async function runChain(
  operators: readonly Operator[],
  setting: Setting,
  wiring: Wiring,
  pieces: readonly (readonly Tagged[])[],
): Promise<Row[][]> {
  const driver = await TopologyDriver.open(
    async (log) => {
      await log.createTopics([input, output]);
      const builder = new TopologyBuilder({ name: 'composition', generation: 1 });
      const tagged = builder.source(input);
      const sources = [0, ...operators.map((_, i) => i + 1)].map((own) =>
        tagged.filter(({ to }) => to === own).map(({ value }) => value),
      );
      declareChain(sources, operators, setting, wiring).to(output);
      return builder.build();
    },
    // Between pieces most rows leave the memory.
    pieces.length > 1 ? { cacheEntries: 1 } : {},
  );
  const readRows = async () =>
    (await driver.read(output)).map(
      ({ key, value, timestamp }): Row => ({ key: key ?? '', value, timestamp }),
    );
  try {
    const rows: Row[][] = [];
    for (const piece of pieces) {
      await driver.pipe(
        input,
        ...piece.map(([to, key, value, timestamp]) => [key, { to, value }, timestamp] as const),
      );
      await driver.settle();
      rows.push(await readRows());
    }
    await driver.announce(input, END_MS);
    await driver.settle();
    rows.push(await readRows());
    const letters = await driver.readDeadLetters();
    assert.deepEqual(
      letters.map(({ value }) => [value?.operator, value?.message]),
      [],
    );
    return rows;
  } finally {
    await driver.close();
  }
}
