import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { literal, withDuckDb } from './duckdb.ts';

/** How many rows of a user there are in Parquet files, by column `user_id`; files without one have none. */
export async function rowsOfUser(files: readonly string[], userId: string): Promise<number> {
  const scratch = await mkdtemp(join(tmpdir(), 'millrace-rows-of-user-'));
  try {
    return await withDuckDb(scratch, async (database) => {
      let rows = 0;
      for (const file of files) {
        const columns = await database.rows<{ name: string }>(
          `SELECT name FROM parquet_schema(${literal(file)})`,
        );
        if (!columns.some(({ name }) => name === 'user_id')) continue;
        const [count] = await database.rows<{ n: number }>(
          `SELECT count(*)::DOUBLE AS n FROM read_parquet(${literal(file)}) WHERE user_id = ${literal(userId)}`,
        );
        rows += count?.n ?? 0;
      }
      return rows;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
