import type { JS } from '@duckdb/node-api';
import { literal, withScratchDuckDb } from './duckdb.ts';
import { duckDbApi } from './duckdb-package.ts';

/** Rows of some columns of a Parquet file, in the file's order. */
export type ParquetRows = {
  readonly columns: readonly string[];
  /** The rows a chunk of at most 2,048 at a time, with values as JavaScript has them: bigint for 64 bits, Date for times. */
  rows(columns: readonly string[]): AsyncGenerator<readonly (readonly JS[])[]>;
};

/** Opens a Parquet file that anybody has written, while `work` runs. Errors: those of DuckDB for what is no Parquet. */
export async function withParquetRows<T>(
  path: string,
  work: (rows: ParquetRows) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return withScratchDuckDb(async (database) => {
    const table = `read_parquet(${literal(path)})`;
    const described = await database.rows<{ column_name: string }>(`DESCRIBE SELECT * FROM ${table}`);
    const columns = described.map(({ column_name }) => column_name);
    return work({
      columns,
      rows: async function* (chosen) {
        const names = chosen.map((name) => `"${name.replaceAll('"', '""')}"`);
        // No column is read if all fields are constant.
        const query = `SELECT ${names.join(', ') || 'NULL'} FROM ${table}`;
        const { rows } = await database.result(query, duckDbApi().JSDuckDBValueConverter);
        yield* rows;
      },
    });
  }, signal);
}
