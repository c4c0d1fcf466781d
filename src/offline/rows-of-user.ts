import { literal, withScratchDuckDb } from './duckdb.ts';

/** How many rows of a user there are in Parquet files, by column `user_id`; files without one have none. */
export async function rowsOfUser(files: readonly string[], userId: string): Promise<number> {
  return withScratchDuckDb(async (database) => {
    let rows = 0;
    for (const file of files) {
      const columns = await database.rows<{ name: string }>(
        `SELECT name FROM parquet_schema(${literal(file)})`,
      );
      if (!columns.some(({ name }) => name === 'user_id')) continue;
      rows += await database.number(
        `SELECT count(*) FROM read_parquet(${literal(file)}) WHERE user_id = ${literal(userId)}`,
      );
    }
    return rows;
  });
}
