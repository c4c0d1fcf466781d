import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Setting } from './catalogue/operator.ts';
import { catalogue } from './catalogue.ts';
import { assertLaw, type Case, casesOf, casesOfChain } from './law.ts';
import type { Tagged } from './model.ts';

/** `MILLRACE_LAW_RUNS=5000 node --test law.test.ts` tries as many pairs, and as many triples. */
const RUNS = Number(process.env.MILLRACE_LAW_RUNS ?? 60);

const setting: Setting = {
  ...{ sizeMs: 10, advanceMs: 10, gapMs: 5, graceMs: 0, beforeMs: 5, afterMs: 5, delayMs: 5, historyMs: 10 },
  ...{ removes: false, byWindow: false },
};
const at = (...times: readonly number[]) => times.map((ms, i): Tagged => [0, 'a', String(i), ms]);

const examples: readonly Case[] = [
  { chain: ['left join of streams', 'left join of streams'], setting, records: at(100, 101, 120) },
  { chain: ['tumbling, on close', 'tumbling, every update'], setting, records: at(1, 2, 12, 45, 100) },
  {
    chain: ['tumbling, suppressed until the close', 'sliding, on close'],
    setting,
    records: at(1, 2, 12, 45, 100),
  },
  {
    chain: ['timer', 'hopping, on close'],
    setting: { ...setting, advanceMs: 4 },
    records: at(1, 3, 12, 13, 60),
  },
  { chain: ['aggregate, per commit', 'sessions, on close'], setting, records: at(1, 3, 20, 40) },
  {
    chain: ['join with a versioned table, with grace', 'tumbling, every update'],
    setting: { ...setting, graceMs: 4 },
    records: [[1, 'a', 'r', 3], ...at(5, 9, 30)],
  },
  {
    chain: ['hopping, on close, retained', 'tumbling, with what came late', 'sliding, per commit'],
    setting: { ...setting, sizeMs: 6, advanceMs: 1, graceMs: 1 },
    records: at(20, 17),
  },
  {
    chain: ['left join of streams', 'hopping, every update, retained'],
    setting: { ...setting, sizeMs: 1, advanceMs: 1, beforeMs: 0, afterMs: 6 },
    records: [[0, 'b', '0', 20], [1, 'b', '0', 24], ...at(23)],
  },
  {
    chain: ['outer join of streams', 'hopping, every update, retained'],
    setting: { ...setting, sizeMs: 1, advanceMs: 1, beforeMs: 6, afterMs: 0 },
    records: [
      [1, 'b', '0', 20],
      [0, 'b', '0', 24],
      [1, 'a', '0', 23],
    ],
  },
  {
    chain: ['sessions, suppressed for a time', 'branch and merge', 'sliding, every update'],
    setting: { ...setting, sizeMs: 1, gapMs: 3, delayMs: 1 },
    records: [
      [0, 'a', null, 26],
      [0, 'b', '4', 23],
      [0, 'b', '0', 24],
    ],
  },
];

describe('a chain of operators does what its models do, with and without a keyBy between them', () => {
  for (const example of examples) it(example.chain.join(', then '), () => assertLaw(example));

  it('each operator alone', async () => {
    for (const name of Object.keys(catalogue)) {
      await fc.assert(fc.asyncProperty(casesOfChain([name]), assertLaw), { numRuns: Math.ceil(RUNS / 15) });
    }
  });

  it('pairs', async () => {
    await fc.assert(fc.asyncProperty(casesOf(2), assertLaw), { numRuns: RUNS });
  });

  it('triples', async () => {
    await fc.assert(fc.asyncProperty(casesOf(3), assertLaw), { numRuns: RUNS });
  });
});
