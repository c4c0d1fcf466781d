/** Each query's results, row by row, beside DuckDB's over the same events: in order and out of order, of several seeds. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { TopicWriter } from '#engine';
import { TopologyDriver } from '#engine/testing';
import { type AnalyticDatabase, literal, withDuckDb } from '#offline';
import { temporaryDirectory, testSeed } from '#platform/testing';
import {
  auctionFields,
  bidFields,
  type Event,
  type Inputs,
  openInputs,
  personFields,
  sideFields,
} from './events.ts';
import { type GeneratorOptions, generate, sideInput } from './generator.ts';
import { oracle } from './oracle.ts';
import { queries } from './queries.ts';
import type { Declared } from './query.ts';
import type { Fields } from './rows.ts';
import { resultsOf, runQuery, writeEvents } from './run.ts';

const PARTITIONS = 3;
const EVENTS = 4_000;
const MINUTE_MS = 60_000;

/** Around midnight, and slow enough for windows of ten seconds to have few auctions. */
const setting = (seed: number, outOfOrderMs: number): GeneratorOptions => ({
  events: EVENTS,
  seed,
  eventsPerSecond: 40,
  startMs: Date.UTC(2026, 0, 1 + (seed % 300)) - MINUTE_MS + (seed % 7) * 997,
  outOfOrderMs,
});

const settings = [setting(1, 0), setting(2, 3_000), setting(testSeed, 0), setting(testSeed, 5_000)];

for (const options of settings) {
  const { seed, outOfOrderMs } = options;
  describe(`seed ${seed}, out of order by ${outOfOrderMs} ms`, () => {
    const expected = oracleRows(options);
    for (const [name, query] of Object.entries(queries)) {
      if (oracle[name] === undefined) continue;
      it(`${name}: ${query.title}`, async (t) => {
        const { driver, inputs, declared } = await open(name, options);
        t.after(() => driver.close());
        await writeEvents(driver.log, inputs, options);
        await driver.settle();
        assert.deepEqual(await driver.readDeadLetters(), []);
        const dropped = driver
          .report()
          .tasks.flatMap(({ operators }) => operators.map((each) => each.dropped));
        assert.deepEqual(
          dropped.filter((reasons) => Object.keys(reasons).length > 0),
          [],
        );
        const results = await resultsOf(driver.log, query, declared.output);
        const rows = (await expected).get(name) ?? [];
        assert.ok(rows.length > 0);
        assert.deepEqual(texts(results, query.columns), texts(rows, query.columns));
      });
    }
  });
}

it('q12: Processing-time windows', async (t) => {
  const options = setting(3, 0);
  const wallClockMs = Date.UTC(2026, 5, 1) + 1;
  const { driver, inputs, declared } = await open('q12', options, wallClockMs);
  t.after(() => driver.close());
  const writer = await TopicWriter.open(driver.log, inputs.bids);
  const expected = new Map<
    string,
    { bidder: number; bid_count: number; starttime: number; endtime: number }
  >();
  let now = wallClockMs;
  const bids = [...generate(options)].filter((event) => event.kind === 'bid').map(({ value }) => value);
  for (let from = 0; from < bids.length; from += 300) {
    const chunk = bids.slice(from, from + 300);
    await writer.write(
      chunk.map((value) => ({ key: String(value.auction), value, timestamp: value.dateTime })),
    );
    await driver.settle();
    for (const { bidder } of chunk) {
      const starttime = now - (now % 10_000);
      const counted = expected.get(`${bidder} ${starttime}`)?.bid_count ?? 0;
      const row = { bidder, bid_count: counted + 1, starttime, endtime: starttime + 10_000 };
      expected.set(`${bidder} ${starttime}`, row);
    }
    driver.advanceWallClock(3_000);
    now += 3_000;
  }
  await writer.close();
  driver.advanceWallClock(10_000);
  await driver.settle();
  const { columns } = queries.q12 ?? { columns: [] };
  const rows = (await driver.read(declared.output)).map(({ value }) => value);
  assert.deepEqual(texts(rows, columns), texts([...expected.values()], columns));
});

it('runs on the embedded log', async (t) => {
  const options = { ...setting(4, 1_000), partitions: 2 };
  const expected = await oracleRows(options);
  for (const [name, query] of Object.entries(queries)) {
    if (!['q5', 'q6', 'q9'].includes(name)) continue;
    const { results } = await runQuery(name, query, temporaryDirectory(t), options);
    assert.deepEqual(texts(results, query.columns), texts(expected.get(name) ?? [], query.columns), name);
  }
});

async function open(name: string, options: GeneratorOptions, wallClockMs = 0) {
  let inputs: Inputs | undefined;
  let declared: Declared | undefined;
  const driver = await TopologyDriver.open(
    async (log) => {
      inputs = await openInputs(log.registry, { ...options, partitions: PARTITIONS });
      const { persons, auctions, bids, side } = inputs;
      declared = await queries[name]?.declare(name, log.registry, inputs);
      assert.ok(declared !== undefined);
      await log.createTopics([persons, auctions, bids, side, declared.output]);
      return declared.topology;
    },
    { wallClockMs, batchRecords: 200 },
  );
  assert.ok(inputs !== undefined && declared !== undefined);
  return { driver, inputs, declared };
}

/** What DuckDB finds for each query. */
async function oracleRows(options: GeneratorOptions): Promise<Map<string, readonly object[]>> {
  const directory = temporaryDirectory({ after });
  const found = new Map<string, readonly object[]>();
  await withDuckDb(directory, async (database) => {
    const events = [...generate(options)];
    const of = (kind: Event['kind']) =>
      events.filter((event) => event.kind === kind).map(({ value }) => value);
    await load(database, directory, 'person', personFields, of('person'));
    await load(database, directory, 'auction', auctionFields, of('auction'));
    await load(database, directory, 'bid', bidFields, of('bid'));
    await load(database, directory, 'side', sideFields, sideInput(options.seed));
    for (const [name, sql] of Object.entries(oracle)) found.set(name, await database.rows(sql));
  });
  return found;
}

async function load(
  database: AnalyticDatabase,
  directory: string,
  table: string,
  fields: Fields,
  rows: readonly object[],
): Promise<void> {
  const file = join(directory, `${table}.csv`);
  writeFileSync(file, rows.map((row) => `${Object.values(row).join(',')}\n`).join(''));
  const columns = Object.entries(fields).map(
    ([name, type]) => `'${name}': '${type === 'long' ? 'BIGINT' : 'VARCHAR'}'`,
  );
  await database.run(
    `CREATE TABLE ${table} AS SELECT * FROM
      read_csv(${literal(file)}, header = false, auto_detect = false, columns = {${columns.join(', ')}})`,
  );
}

/** Each row as text, sorted: what both sides have, however each orders and types its rows. */
function texts(rows: readonly unknown[], columns: readonly string[]): string[] {
  return rows
    .map((row) => {
      const values = row as { readonly [name: string]: unknown };
      return JSON.stringify(columns.map((name) => plain(values[name])));
    })
    .sort();
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}
