import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { avroCodecFor, schemaFingerprint, writerSchemaId } from '#avro';
import type { Serde, Topic } from '#engine';
import { errorCode } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { withDuckDb } from '../duckdb.ts';
import { RecordColumns } from '../record-columns.ts';
import { list, optional, recordOf } from '../testing/avro.ts';
import { createEncodedTable, encodedTopic, type StagedRecord } from './staged-table.ts';

/** Of DuckDB's chunks. */
const CHUNK_ROWS = 2_048;
const [ownId, olderId] = [7, 8];

const older = recordOf('Row', {
  text: 'string',
  note: optional('string'),
  int: 'int',
  long: optional('long'),
  double: 'double',
  flag: 'boolean',
  kind: { type: 'enum', name: 'Kind', symbols: ['a', 'A_longer_symbol'] },
  bytes: optional('bytes'),
  inner: optional(
    recordOf('Inner', {
      texts: list(optional('string')),
      leaves: optional(list(recordOf('Leaf', { longs: list('long'), flag: optional('boolean') }))),
    }),
  ),
});
const schema = {
  ...older,
  fields: [...older.fields, { name: 'added', type: optional('int'), default: null }],
};
const columns = new RecordColumns<object>(schema);
const codec = avroCodecFor<object>(schema);
codec.addWriterSchema(ownId, schema);
codec.addWriterSchema(olderId, older);
const olderCodec = avroCodecFor<object>(older);

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 3 });
const record: typeof fc.record = (model: object) => fc.record(model, { noNullPrototype: true }) as never;
/** On both sides of what a string of DuckDB's has room for, in one byte a character and in more. */
const text = fc.oneof(
  fc.constantFrom('', 'twelve bytes', 'thirteen byte', 'öööööö', 'ööööööö', '🦆🦆🦆🦆'),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
);
const long = fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 - 1 });
const leaf = record({ longs: fc.array(long, { maxLength: 3 }), flag: maybe(fc.boolean()) });
const row: fc.Arbitrary<object> = record({
  text,
  note: maybe(text),
  int: fc.integer(),
  long: maybe(long),
  double: fc.double(),
  flag: fc.boolean(),
  kind: fc.constantFrom('a', 'A_longer_symbol'),
  bytes: maybe(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))),
  inner: maybe(
    record({
      texts: fc.array(maybe(text), { maxLength: 5 }),
      leaves: maybe(fc.array(leaf, { maxLength: 4 })),
    }),
  ),
  added: maybe(fc.integer()),
});

const topic: Topic<string, object> = {
  name: 'rows',
  partitions: 1,
  cleanup: { kind: 'delete' } as never,
  key: { toText: (key) => key, fromText: (text) => text },
  value: {
    encode: (value) => codec.encode(ownId, value),
    decode: (bytes) => codec.decode(bytes),
    isOwnAt: (bytes, start, end) => writerSchemaId(bytes, start, end) === ownId,
    prepare: async () => {},
    fingerprint: schemaFingerprint(schema),
    framing: 5,
  } satisfies Serde<object>,
};

/** The rows of a table of values as a reader of the topic gives them, and the offsets of those that were refused. */
async function staged(
  t: TestContext,
  values: readonly (Buffer | null)[],
): Promise<{
  rows: { value: object; offset: number; key: unknown; isTombstone: unknown }[];
  refused: number[];
}> {
  const read = encodedTopic(topic, columns).value;
  const refused: number[] = [];
  const records = values.flatMap((bytes, offset): StagedRecord<object | Buffer>[] => {
    const place = { partition: 0, offset, key: `u${offset}`, timestamp: offset };
    return [{ ...place, value: bytes === null ? null : read.decode(bytes) }];
  });
  const rows = await withDuckDb(temporaryDirectory(t), async (database) => {
    const table = await createEncodedTable(database, 'staged', columns, topic.value, (record, error) => {
      assert.equal(errorCode(error), 'MR_AVRO_DECODE');
      refused.push(record.offset);
    });
    await table.add(records);
    await table.close();
    const found = await database.allValueRows('SELECT * FROM staged ORDER BY rowid');
    return found.map((row) => {
      const [key, isTombstone] = row.slice(-2);
      return { ...columns.record(row), key, isTombstone };
    });
  });
  return { rows, refused };
}

function expected(values: readonly (Buffer | null)[]) {
  return values.flatMap((bytes, offset) => {
    try {
      const value = bytes === null ? undefined : codec.decode(bytes);
      return [{ offset, key: `u${offset}`, value, isTombstone: value === undefined }];
    } catch {
      return [];
    }
  });
}

async function assertStaged(t: TestContext, values: readonly (Buffer | null)[]): Promise<readonly number[]> {
  const { rows, refused } = await staged(t, values);
  const wanted = expected(values);
  assert.equal(rows.length, wanted.length);
  // One by one: a difference of all would take minutes to print.
  for (const [i, { value, ...place }] of wanted.entries()) {
    const { value: found, offset, key, isTombstone } = rows[i] as (typeof rows)[number];
    assert.deepStrictEqual({ offset, key, isTombstone }, place);
    if (value !== undefined) assert.deepStrictEqual(found, value);
  }
  const held = new Set(wanted.map(({ offset }) => offset));
  assert.deepEqual(
    refused,
    values.flatMap((_, offset) => (held.has(offset) ? [] : [offset])),
  );
  return refused;
}

it('has records as their codec reads them, tombstones, and what an older schema wrote', async (t) => {
  const values = fc.sample(row, { numRuns: 2 * CHUNK_ROWS + 100, seed: 1 }).map((value, i) => {
    if (i % 50 === 49) return null;
    return i % 50 === 48 ? olderCodec.encode(olderId, value) : codec.encode(ownId, value);
  });
  assert.deepEqual(await assertStaged(t, values), []);
});

it('leaves out what cannot be decoded and nothing beside it', async (t) => {
  const values = fc.sample(row, { numRuns: 600, seed: 2 }).map((value, i) => {
    const bytes = codec.encode(ownId, value);
    if (i % 3 === 0) return bytes;
    // Behind the header, from the first fields to the last.
    const at = 5 + ((i * 31) % (bytes.length - 5));
    if (i % 3 === 1) return bytes.subarray(0, at);
    bytes[at] = (bytes[at] as number) ^ 0xff;
    return bytes;
  });
  const refused = await assertStaged(t, values);
  assert.ok(refused.length >= 200);
});

it('has in place of what is no UTF-8 what every reader has', async (t) => {
  const bytes = codec.encode(ownId, { ...fc.sample(row, { numRuns: 1, seed: 3 })[0], text: 'ab' });
  bytes[bytes.indexOf('ab')] = 0xff;
  const found = await withDuckDb(temporaryDirectory(t), async (database) => {
    const table = await createEncodedTable(database, 'staged', columns, topic.value, () => {});
    await table.add([{ partition: 0, offset: 0, key: '', timestamp: 0, value: bytes }]);
    await table.close();
    return database.rows(`SELECT text = '\uFFFDb' AS "isReplaced" FROM staged`);
  });
  assert.deepEqual(found, [{ isReplaced: true }]);
});

it('leaves no value as bytes where the schema is not that of the columns', () => {
  const [value = {}] = fc.sample(row, { numRuns: 1, seed: 4 });
  const bytes = codec.encode(ownId, value);
  const other = { ...topic, value: { ...topic.value, fingerprint: schemaFingerprint(older) } };
  assert.equal(encodedTopic(topic, columns).value.decode(bytes), bytes);
  assert.deepEqual(encodedTopic(other, columns).value.decode(bytes), value);
});
