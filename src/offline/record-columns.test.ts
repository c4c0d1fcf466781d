import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { temporaryDirectory } from '#platform/testing';
import { avroSchema, type Interaction } from '#schemas';
import { literal, withDuckDb } from './duckdb.ts';
import { RecordColumns } from './record-columns.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const record: typeof fc.record = (model: object) => fc.record(model, { noNullPrototype: true }) as never;
const long = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });

const interactions: fc.Arbitrary<Interaction> = record({
  event_id: text,
  user_id: text,
  item_id: maybe(text),
  kind: fc.constantFrom('view' as const, 'quiz_score' as const),
  value: maybe(fc.double()),
  watch_ms: maybe(long),
  session_id: maybe(text),
  request_id: maybe(text),
  context: record({
    device: maybe(fc.constant('tv' as const)),
    country: maybe(text),
    language: maybe(text),
  }),
  ts: long,
  original_ts: maybe(long),
  item: maybe(
    record({
      type: fc.constant('video' as const),
      category: text,
      tags: fc.array(text, { maxLength: 3 }),
      duration_ms: maybe(long),
      difficulty: maybe(fc.integer()),
      created: long,
    }),
  ),
});

it('keeps every bit of a record on the way to Parquet and back', async (t) => {
  const columns = new RecordColumns<Interaction>(avroSchema('Interaction'));
  const directory = temporaryDirectory(t);
  const values = fc.sample(interactions, { numRuns: 3_000, seed: 7 });
  const records = values.map((value, offset) => ({
    value,
    offset,
    partition: offset % 3,
    timestamp: value.ts,
  }));
  await withDuckDb(directory, async (database) => {
    await database.run(`CREATE TEMP TABLE records (${columns.declaration})`);
    await database.appendRows('records', columns.columns, records);
    const path = literal(`${directory}/records.parquet`);
    await database.run(`COPY records TO ${path} (FORMAT parquet, COMPRESSION zstd)`);
    const rows = await database.allValueRows(`SELECT * FROM read_parquet(${path})`);
    assert.equal(rows.length, records.length);
    // One by one: a difference of all would take minutes to print.
    for (const [i, record] of records.entries()) {
      assert.deepStrictEqual(columns.record(rows[i] ?? []), record);
    }
  });
});

it('gives a field that a row lacks what the schema says', () => {
  const field = (name: string, type: unknown, fallback: unknown) => ({ name, type, default: fallback });
  const columns = new RecordColumns<object>({
    type: 'record',
    name: 'Row',
    fields: [
      field('count', 'long', 7),
      field('list', { type: 'array', items: 'string' }, ['a']),
      field('maybe', ['null', 'double'], null),
    ],
  });
  const row = () => columns.record([null, null, null, 0, 1n, 2n]).value;
  assert.deepEqual(row(), { count: 7, list: ['a'], maybe: null });
  assert.notEqual(Reflect.get(row(), 'list'), Reflect.get(row(), 'list'), 'no row shares what it may change');
});

it('refuses a type that has no column', () => {
  const of = (type: unknown) =>
    new RecordColumns({ type: 'record', name: 'Row', fields: [{ name: 'x', type }] });
  for (const type of [['string', 'long'], { type: 'map', values: 'long' }, 'Unknown']) {
    assert.throws(() => of(type), { code: 'MR_OFFLINE_TYPE' });
  }
});
