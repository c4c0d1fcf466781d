import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TopologyBuilder } from '../../topology/builder.ts';
import type { Stream } from '../../topology/stream.ts';
import { TopologyDriver } from '../driver.ts';
import { type Chain, chains, input, output, type Tagged, takesTombstones } from './chains.ts';

type Input = readonly [key: string, value: Tagged, timestamp: number];
type Run = {
  readonly batchRecords?: number;
  readonly cacheEntries?: number;
  /** Lengths of the pieces that the input is fed in. */
  readonly pieces?: readonly number[];
  /** Behind which of them the process is restarted. */
  readonly restarts?: readonly number[];
  readonly keepStores?: boolean;
};

async function run(chain: Chain, records: readonly Input[], options: Run) {
  const { batchRecords = 1_000, cacheEntries = 1_000, pieces = [], restarts = [] } = options;
  const driver = await TopologyDriver.open(
    async (log) => {
      await log.createTopics([input, output]);
      const builder = new TopologyBuilder({ name: 'laws', generation: 1 });
      const { left, right } = builder
        .source(input)
        .branch({ left: ({ side }) => side === 'L', right: () => true });
      const made = chain(
        left.map(({ n }) => n),
        right.map(({ n }) => n),
      );
      (made as Stream<string, string | null>).to(output);
      return builder.build();
    },
    { batchRecords, cacheEntries },
  );
  try {
    let at = 0;
    for (const [i, piece] of [...pieces, records.length].entries()) {
      if (at >= records.length) break;
      await driver.pipe(input, ...records.slice(at, at + piece));
      await driver.settle();
      at += piece;
      if (restarts.includes(i)) await driver.restart({ keepStores: options.keepStores ?? true });
    }
    await driver.announce(input, 500);
    await driver.settle();
    const letters = await driver.readDeadLetters();
    return {
      outs: (await driver.read(output)).map(({ key, value, timestamp }) => [key, value, timestamp]),
      digests: driver.digests(),
      letters: letters.map(({ value }) => [value?.operator, value?.offset, value?.key?.toString()]),
    };
  } finally {
    await driver.close();
  }
}

const step = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  side: fc.constantFrom<Tagged['side']>('L', 'L', 'R'),
  n: fc.option(fc.nat(9), { freq: 6 }),
  laterMs: fc.integer({ min: -9, max: 12 }),
});
const steps = fc.array(step, { minLength: 1, maxLength: 25 });

function recordsOf(all: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[], nulls: boolean) {
  let now = 20;
  return all.map(({ key, side, n, laterMs }): Input => {
    now = Math.max(0, now + laterMs);
    return [key, { side, n: nulls ? n : (n ?? 0) }, now];
  });
}

const runs: fc.Arbitrary<Run> = fc.record({
  batchRecords: fc.integer({ min: 1, max: 5 }),
  cacheEntries: fc.constantFrom(1, 3, 1_000),
  pieces: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 10 }),
  restarts: fc.array(fc.nat(8), { maxLength: 3 }),
  keepStores: fc.boolean(),
});

describe('outputs, dead letters and digests are the same whole, one by one, and cut and restarted anywhere', () => {
  for (const [name, chain] of Object.entries(chains)) {
    it(name, async () => {
      const law = fc.asyncProperty(steps, runs, async (all, disturbed) => {
        const records = recordsOf(all, takesTombstones(name));
        const whole = await run(chain, records, {});
        assert.deepEqual(await run(chain, records, { batchRecords: 1 }), whole, 'batches of 1');
        assert.deepEqual(await run(chain, records, { ...disturbed, restarts: [] }), whole, 'pieces');
        assert.deepEqual(await run(chain, records, disturbed), whole, 'restarts');
      });
      await fc.assert(law, { numRuns: 6 });
    });
  }
});
