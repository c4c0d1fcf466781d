/**
 * Rows with states, of which one may have kilobytes: DuckDB sorts and writes them only as far as what it has in hand fits
 * into its memory (some 100,000 rows of a sort, a row group of a file), however much it can spill otherwise. So they are
 * sorted in pieces and written in row groups of a number of bytes, and no number of rows is too many.
 */
import { type AnalyticDatabase, literal } from '../duckdb.ts';
import { HISTORY_DECLARATION } from './history-tables.ts';

const pieceBytes = 1 << 23;

/** DuckDB takes and returns rows in chunks of this many. */
const VECTOR_ROWS = 2_048;
/** As many as DuckDB puts into a row group by itself. */
const GROUP_ROWS = 60 * VECTOR_ROWS;

/** How many of the rows of a SELECT make a row group of good size. */
export async function rowsOfGroup(database: AnalyticDatabase, select: string): Promise<number> {
  const bytes = await database.number(`SELECT avg(octet_length(state) + strlen("key")) FROM (${select})`);
  const vectors = Math.floor(pieceBytes / Math.max(1, bytes) / VECTOR_ROWS);
  return Math.min(GROUP_ROWS, Math.max(1, vectors) * VECTOR_ROWS);
}

/** Makes table `ordered` of a table that has a row a key: the same rows in order of the keys. */
export async function orderByKey(database: AnalyticDatabase, table: string, ordered: string): Promise<void> {
  await database.run(`CREATE OR REPLACE TEMP TABLE ${ordered} (${HISTORY_DECLARATION})`);
  for (const [first, last] of await keyRanges(database, table)) {
    await database.run(`INSERT INTO ${ordered} SELECT * FROM ${table}
      WHERE "key" BETWEEN ${literal(first)} AND ${literal(last)} ORDER BY "key"`);
  }
}

/** The first and the last key of each piece. */
async function keyRanges(
  database: AnalyticDatabase,
  table: string,
): Promise<readonly (readonly [string, string])[]> {
  const ranges: [string, string][] = [];
  let bytes = pieceBytes;
  const keys = database.valueRows(
    `SELECT "key", (octet_length(state) + strlen("key"))::INTEGER FROM ${table} ORDER BY "key"`,
  );
  for await (const rows of keys) {
    for (const [value, size] of rows) {
      const key = value as string;
      if (bytes >= pieceBytes) {
        ranges.push([key, key]);
        bytes = 0;
      }
      (ranges.at(-1) as [string, string])[1] = key;
      bytes += size as number;
    }
  }
  return ranges;
}
