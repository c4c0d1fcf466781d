import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { temporaryDirectory } from '#platform/testing';
import { type AnalyticDatabase, columnByColumn, withDuckDb } from './duckdb.ts';
import { RecordColumns } from './record-columns.ts';
import { list, optional, recordOf } from './testing/avro.ts';

/** DuckDB's. */
const CHUNK_ROWS = 2_048;

const leaf = recordOf('Leaf', {
  text: optional('string'),
  long: optional('long'),
  flags: optional(list('boolean')),
});
const columns = new RecordColumns<object>(
  recordOf('Row', {
    text: optional('string'),
    bytes: optional('bytes'),
    int: optional('int'),
    long: 'long',
    double: optional('double'),
    flag: optional('boolean'),
    inner: optional(recordOf('Inner', { leaf: optional(leaf), leaves: list(optional('millrace.Leaf')) })),
    longs: list(optional('long')),
    texts: optional(list('string')),
    lists: list(list('int')),
  }),
);

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 3 });
const record: typeof fc.record = (model: object) => fc.record(model, { noNullPrototype: true }) as never;
/** On both sides of what a string of DuckDB's has room for, in one byte a character and in more. */
const text = fc.oneof(
  fc.constantFrom('', 'twelve bytes', 'thirteen byte', 'fünf', 'öööööö', 'ööööööö', '\0', '🦆', '🦆🦆🦆🦆'),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const long = fc.oneof(
  fc.constantFrom(0, -1, 2 ** 31, -(2 ** 32), 2 ** 32 - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
  fc.maxSafeInteger(),
);
const leaves = record({
  text: maybe(text),
  long: maybe(long),
  flags: maybe(fc.array(fc.boolean(), { maxLength: 3 })),
});
const values: fc.Arbitrary<object> = record({
  text: maybe(text),
  bytes: maybe(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))),
  int: maybe(fc.integer()),
  long,
  double: maybe(fc.double()),
  flag: maybe(fc.boolean()),
  inner: maybe(record({ leaf: maybe(leaves), leaves: fc.array(maybe(leaves), { maxLength: 4 }) })),
  longs: fc.array(maybe(long), { maxLength: 5 }),
  texts: maybe(fc.array(text, { maxLength: 5 })),
  lists: fc.array(fc.array(fc.integer(), { maxLength: 3 }), { maxLength: 3 }),
});

async function inTable(
  t: TestContext,
  work: (database: AnalyticDatabase) => Promise<void>,
): Promise<object[]> {
  return withDuckDb(temporaryDirectory(t), async (database) => {
    await database.run(`CREATE TEMP TABLE records (${columns.declaration})`);
    await work(database);
    const rows = await database.allValueRows('SELECT * FROM records ORDER BY rowid');
    return rows.map((row) => columns.record(row).value);
  });
}

const positioned = (value: object, offset: number) => ({ value, offset, partition: 0, timestamp: offset });

function assertSame(written: readonly object[], read: readonly object[]): void {
  assert.equal(read.length, written.length);
  // One by one: a difference of all would take minutes to print.
  for (const [i, value] of written.entries()) assert.deepStrictEqual(read[i], value);
}

for (const rows of [0, 1, CHUNK_ROWS, 2 * CHUNK_ROWS, 2 * CHUNK_ROWS + 1]) {
  it(`writes ${rows} nested records as they are`, async (t) => {
    const written = fc.sample(values, { numRuns: Math.max(1, rows), seed: rows }).slice(0, rows);
    const read = await inTable(t, (database) =>
      database.appendRows('records', columns.columns, written.map(positioned)),
    );
    assertSame(written, read);
  });
}

it('writes what comes in pieces of any size, in their order', async (t) => {
  const written = fc.sample(values, { numRuns: 3 * CHUNK_ROWS, seed: 1 });
  const records = written.map(positioned);
  const read = await inTable(t, async (database) => {
    const appender = await database.appender('records', columnByColumn(columns.columns));
    for (let from = 0, pieceRows = 1; from < records.length; from += pieceRows, pieceRows *= 3) {
      await appender.add(records.slice(from, from + pieceRows));
    }
    await appender.close();
  });
  assertSame(written, read);
});

it('writes lists that hold more items than a chunk has rows', async (t) => {
  const one = { text: null, bytes: null, int: null, long: 0, double: null, flag: null, texts: null };
  const items = fc.sample(leaves, { numRuns: 5 * CHUNK_ROWS, seed: 2 });
  const some = (every: number) => items.map((each, i) => (i % every === every - 1 ? null : each));
  const longs = items.map((_, i) => (i % 7 === 6 ? null : i));
  const written = [
    { ...one, inner: { leaf: null, leaves: some(5) }, longs: [], lists: [[]] },
    { ...one, inner: { leaf: null, leaves: [] }, longs, lists: items.map((_, i) => [i]) },
    { ...one, inner: null, longs: [null], texts: items.map(({ text }) => text ?? ''), lists: [] },
    { ...one, inner: { leaf: null, leaves: some(2) }, longs: [1], lists: [[], [1, 2]] },
  ];
  const read = await inTable(t, (database) =>
    database.appendRows('records', columns.columns, written.map(positioned)),
  );
  assertSame(written, read);
});

it('refuses a number that its column could not give back', async (t) => {
  const [value = {}] = fc.sample(values, { numRuns: 1, seed: 3 });
  for (const wrong of [{ long: 2 ** 53 }, { long: 0.5 }, { int: 2 ** 31 }, { int: 0.5 }]) {
    const written = inTable(t, (database) =>
      database.appendRows('records', columns.columns, [positioned({ ...value, ...wrong }, 0)]),
    );
    await assert.rejects(written, RangeError);
  }
});
