import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Operator, Setting } from './catalogue/operator.ts';
import { catalogue } from './catalogue.ts';
import { ModelChain, type Row, type Tagged, Unspecified } from './model.ts';
import { END_MS, runChain, WIRINGS, type Wiring } from './wirings.ts';

/** A chain of operators, by their names in the catalogue, with its input. */
export type Case = {
  readonly chain: readonly string[];
  readonly setting: Setting;
  readonly records: readonly Tagged[];
};

const names = Object.keys(catalogue);
/** What is certain of their results is not enough for another operator to build on. */
const last = names.filter((name) => operatorOf(name).isCertainAtTheEnd === true);
const first = names.filter((name) => !last.includes(name));

function operatorOf(name: string): Operator {
  const operator = catalogue[name];
  if (operator === undefined) throw new Error(`no operator is called ${name}`);
  return operator;
}

const settings: fc.Arbitrary<Setting> = fc
  .record({
    sizeMs: fc.integer({ min: 1, max: 12 }),
    advanceMs: fc.integer({ min: 1, max: 12 }),
    gapMs: fc.integer({ min: 1, max: 8 }),
    graceMs: fc.nat(4),
    beforeMs: fc.nat(8),
    afterMs: fc.nat(8),
    delayMs: fc.integer({ min: 1, max: 10 }),
    historyMs: fc.nat(12),
    removes: fc.boolean(),
    byWindow: fc.boolean(),
  })
  .map((setting) => ({ ...setting, advanceMs: Math.min(setting.advanceMs, setting.sizeMs) }));

const steps = (sides: number) =>
  fc.array(
    fc.record({
      to: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(sides)),
      key: fc.constantFrom('a', 'b', 'c'),
      value: fc.option(fc.nat(9), { freq: 6 }),
      laterMs: fc.integer({ min: -9, max: 12 }),
    }),
    { minLength: 1, maxLength: 16 },
  );

/** Records out of order by some milliseconds; those for a second input that the chain does not read go nowhere. */
function cases(chain: readonly string[]): fc.Arbitrary<Case> {
  return fc.record({ setting: settings, steps: steps(chain.length) }).map(({ setting, steps: all }) => {
    let now = 20;
    const records = all.map(({ to, key, value, laterMs }): Tagged => {
      now = Math.max(0, now + laterMs);
      return [to, key, value === null ? null : String(value), now];
    });
    return { chain, setting, records };
  });
}

/** Chains of `length` operators with their inputs; each operator may also come alone in what is shrunk. */
export function casesOf(...length: readonly number[]): fc.Arbitrary<Case> {
  return fc
    .constantFrom(...length)
    .chain((operators) =>
      fc.tuple(
        fc.array(fc.constantFrom(...first), { minLength: operators - 1, maxLength: operators - 1 }),
        fc.constantFrom(...names),
      ),
    )
    .chain(([before, end]) => cases([...before, end]));
}

/** All cases of one chain. */
export const casesOfChain = cases;

const sorted = (rows: readonly Row[]) =>
  rows.map(({ key, value, timestamp }) => `${key} ${value} ${timestamp}`).sort();

/** The last row of each key; whether it went or never came is the same. */
function lastRows(steps: readonly (readonly Row[])[], withTimes: boolean) {
  const rows = new Map<string, string>();
  for (const { key, value, timestamp } of steps.flat()) {
    if (value === null) rows.delete(key);
    else rows.set(key, withTimes ? `${value} ${timestamp}` : value);
  }
  return [...rows].sort();
}

/**
 * Whether the documents say what comes out. They leave open the order of rows of several keys, which shows where these come
 * under one.
 */
function isSpecified(each: Case): boolean {
  const operators = each.chain.map(operatorOf);
  const mixing = operators.findIndex(({ mixesKeys }) => mixesKeys === true);
  if (mixing >= 0 && operators.slice(mixing).some(({ repartitions }) => repartitions === true)) return false;
  // A late record's sliding windows are all overdue there, and go out in the order in which they changed.
  if (each.chain.includes('sliding, suppressed for a time') && hasLate(each.records)) return false;
  try {
    for (const wiring of WIRINGS) modelledRows(each, wiring);
    return true;
  } catch (error) {
    if (error instanceof Unspecified) return false;
    throw error;
  }
}

function hasLate(records: readonly Tagged[]): boolean {
  return records.some(([, , , timestamp], i) => records.slice(0, i).some((before) => before[3] > timestamp));
}

/** What the models make of each record by itself, and of the end of time. */
function modelledRows({ chain, setting, records }: Case, wiring: Wiring): Row[][] {
  const operators = chain.map(operatorOf);
  const firstBehindTopic =
    wiring === 'keyBy between' ? 1 : 1 + operators.findIndex(({ repartitions }) => repartitions === true);
  const modelsOf = (operator: Operator, i: number) => {
    const isBehindTopic = firstBehindTopic > 0 && i >= firstBehindTopic;
    return (isBehindTopic ? undefined : operator.modelsInOneTask?.(setting)) ?? operator.models(setting);
  };
  const models = new ModelChain(operators.map(modelsOf));
  const isRead = ([to]: Tagged) => to === 0 || operators[to - 1]?.takesSide === true;
  const rows = records.map((record) => (isRead(record) ? models.take(record) : models.advance(record[3])));
  return [...rows, models.advance(END_MS)];
}

/**
 * Whether all records at once make the same as one by one: behind a topic the watermark comes with the commits, and a second
 * input overtakes what comes through it.
 */
function isCutAlike(operators: readonly Operator[]): boolean {
  const before = operators.slice(0, -1);
  if (before.some(({ repartitions }) => repartitions === true)) return false;
  return operators.every(({ isPerCommit }) => isPerCommit !== true);
}

/**
 * The law of chains: the same rows come out in one task, with a `keyBy` between the operators, and of the models, which differ
 * where a merge gets several rows of one record; and in one task of all records at once as of one by one.
 */
export async function assertLaw(each: Case): Promise<void> {
  fc.pre(isSpecified(each));
  const { chain, setting, records } = each;
  const operators = chain.map(operatorOf);
  const single = records.map((record) => [record]);
  const inOneTask = await runChain(operators, setting, 'one task', single);
  const atTheEnd = operators.some(({ isCertainAtTheEnd }) => isCertainAtTheEnd === true);
  const compare = (found: Row[][], wanted: Row[][], what: string) => {
    for (const [i, rows] of wanted.entries()) {
      const record = records[i] === undefined ? 'the end' : `record ${i}, ${JSON.stringify(records[i])}`;
      const step = `${what}, after ${record}`;
      if (atTheEnd) {
        assert.deepEqual(lastRows(found.slice(0, i + 1), true), lastRows(wanted.slice(0, i + 1), true), step);
      } else assert.deepEqual(sorted(found[i] as Row[]), sorted(rows), step);
    }
  };
  compare(inOneTask, modelledRows(each, 'one task'), 'in one task');
  if (chain.length > 1) {
    const apart = await runChain(operators, setting, 'keyBy between', single);
    compare(apart, modelledRows(each, 'keyBy between'), 'with a keyBy between');
  }
  if (!isCutAlike(operators)) return;
  const atOnce = await runChain(operators, setting, 'one task', [records]);
  if (atTheEnd) assert.deepEqual(lastRows(atOnce, false), lastRows(inOneTask, false), 'all at once');
  else assert.deepEqual(atOnce.flat(), inOneTask.flat(), 'all at once');
}
