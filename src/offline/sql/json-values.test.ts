import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withScratchDuckDb } from '../duckdb.ts';
import { jsonValues } from './json-values.ts';

const rowOf = (select: string) =>
  withScratchDuckDb(async (database) => {
    const { columns, rows } = await database.result(`SELECT ${select}`, jsonValues());
    const [row = []] = (await rows.next()).value ?? [];
    return Object.fromEntries(columns.map(({ name }, i) => [name, row[i]]));
  });

test('numbers are exact: digits as a text where a double has others', async () => {
  const row = await rowOf(`
    9007199254740991 AS safe, -9007199254740991 AS least, 9007199254740992 AS beyond,
    18446744073709551615::UBIGINT AS unsigned, 123456789012345678901234567890::HUGEINT AS huge,
    1.10::DECIMAL(4, 2) AS short, 0.1::DECIMAL(38, 20) AS zeros, -0.05::DECIMAL(4, 2) AS small,
    12345678901234567.89::DECIMAL(20, 2) AS long, 9007199254740993::DECIMAL(18, 0) AS whole,
    0.1::DOUBLE AS double, 'nan'::DOUBLE AS no_number, '-infinity'::DOUBLE AS least_of_all,
    [1.25, 12345678901234567.89]::DECIMAL(20, 2)[] AS list, NULL::DECIMAL AS nothing`);
  assert.deepEqual(row, {
    safe: 9007199254740991,
    least: -9007199254740991,
    beyond: '9007199254740992',
    unsigned: '18446744073709551615',
    huge: '123456789012345678901234567890',
    short: 1.1,
    zeros: '0.10000000000000000000',
    small: -0.05,
    long: '12345678901234567.89',
    whole: '9007199254740993',
    double: 0.1,
    no_number: 'NaN',
    least_of_all: '-Infinity',
    list: [1.25, '12345678901234567.89'],
    nothing: null,
  });
});

test('times are texts with all of their digits, far ones too', async () => {
  const row = await rowOf(`
    TIME '12:34:56.789012' AS time, '12:34:56+02'::TIMETZ AS time_zoned, DATE '2026-01-02' AS date,
    TIMESTAMP '2026-01-02 03:04:05.678901' AS timestamp, TIMESTAMP_NS '2026-01-02 03:04:05.678901234' AS ns,
    '2026-01-02 03:04:05.6789+00'::TIMESTAMPTZ AS zoned, 'infinity'::DATE AS never, '-infinity'::TIMESTAMP AS before,
    INTERVAL '1 month 2 days 3 seconds' AS interval, {'at': TIME '01:02:03'} AS struct`);
  assert.deepEqual(row, {
    time: '12:34:56.789012',
    time_zoned: '12:34:56+02',
    date: '2026-01-02',
    timestamp: '2026-01-02 03:04:05.678901',
    ns: '2026-01-02 03:04:05.678901234',
    zoned: '2026-01-02 03:04:05.6789+00',
    never: 'infinity',
    before: '-infinity',
    interval: '1 month 2 days 00:00:03',
    struct: { at: '01:02:03' },
  });
});

test('bytes are hexadecimal digits; maps are lists of keys and values', async () => {
  assert.deepEqual(
    await rowOf(
      `'\\x00\\xFFa'::BLOB AS bytes, MAP {'a': 1.5} AS map, 'a'::ENUM('a', 'b') AS word, '0101'::BIT AS bits`,
    ),
    { bytes: '00ff61', map: [{ key: 'a', value: 1.5 }], word: 'a', bits: '0101' },
  );
});
