import type { AnalyticDatabase } from './duckdb.ts';

type Column = Int32Array | Float64Array | Float32Array;
type ColumnType = typeof Int32Array | typeof Float64Array | typeof Float32Array;
type Collected<T extends readonly ColumnType[]> = { -readonly [I in keyof T]: InstanceType<T[I]> };

/** All rows of a query of numbers, a typed array a column. */
export async function collectColumns<const T extends readonly ColumnType[]>(
  database: AnalyticDatabase,
  sql: string,
  types: T,
): Promise<Collected<T>> {
  const columns: Column[] = types.map((Type) => new Type(1024));
  let count = 0;
  for await (const chunk of database.columns(sql)) {
    const rows = chunk[0]?.length ?? 0;
    types.forEach((Type, i) => {
      let column = columns[i] as Column;
      if (count + rows > column.length) {
        const grown = new Type(Math.max(2 * column.length, count + rows));
        grown.set(column);
        columns[i] = column = grown;
      }
      column.set(chunk[i] as Column, count);
    });
    count += rows;
  }
  return columns.map((column) => column.slice(0, count)) as Collected<T>;
}
