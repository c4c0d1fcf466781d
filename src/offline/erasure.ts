import { crossKeysOf } from '#features';
import { errorCode } from '#platform';
import type { Erased, EraseTarget } from '#privacy';
import type { ArchiveFile } from '#schemas';
import { type ArchiveEnvironment, ArchiveWriter } from './archive-writer.ts';
import { archivedTables } from './archived-tables.ts';
import { literal } from './duckdb.ts';
import { OFFLINE_DIRECTORY, revisionOf } from './file-batch.ts';
import { isStates } from './history/history-tables.ts';

export type OfflineErasureOptions = ArchiveEnvironment & {
  /** Archives what is readable, so that nothing of the user comes later; where nobody else archives. */
  readonly catchUp?: () => Promise<unknown>;
};

/**
 * Takes a user out of the archive: every file that holds the pseudonym, as a user or in a key of a view's history, is
 * replaced by one without it, and removed from the disk together with all that was replaced or dropped before. To be
 * called while an archive runs as well: each fences the other, and goes on where it was. Readers that have an old file
 * open may fail.
 */
export function offlineEraseTarget(options: OfflineErasureOptions): EraseTarget {
  return {
    name: 'archive',
    erase: async (pseudonym) => {
      await options.catchUp?.();
      let rows = 0;
      const count = (some: number) => {
        rows += some;
      };
      while (!(await erasedUnfenced(options, pseudonym, count)));
      return { where: OFFLINE_DIRECTORY, rows } satisfies Erased;
    },
  };
}

/** False when another writer came between; what was done until then is done. */
async function erasedUnfenced(
  options: ArchiveEnvironment,
  pseudonym: string,
  onErased: (rows: number) => void,
): Promise<boolean> {
  try {
    await ArchiveWriter.with(options, 'erasure', async (writer) => {
      const { manifest } = writer.transactions;
      for (const file of manifest.with('written')) onErased(await eraseFrom(writer, file, pseudonym));
      await writer.unlink(manifest.with('dropped'));
      await writer.remove(manifest.with('replaced'));
    });
    return true;
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_FENCED') throw error;
    return false;
  }
}

/** Returns the number of rows that were the user's. */
async function eraseFrom(writer: ArchiveWriter, file: ArchiveFile, pseudonym: string): Promise<number> {
  const { store, database, transactions } = writer;
  await store.verify([file]);
  const rows = store.parquet([file]);
  const isUsers = archivedTables.some(({ table }) => table === file.table)
    ? `user_id = ${literal(pseudonym)}`
    : `("key" = ${literal(pseudonym)} OR starts_with("key", ${literal(crossKeysOf(pseudonym))}))`;
  const count = await database.number(`SELECT count(*) FROM ${rows} WHERE ${isUsers}`);
  if (count === 0) return 0;
  const written = writer.batch();
  await written.write(database, {
    ...file,
    // Rows keep the order in which they were written.
    select: `SELECT * FROM ${rows} WHERE NOT ${isUsers}`,
    rowGroupRows: await database.number(
      `SELECT max(row_group_num_rows) FROM parquet_metadata(${literal(store.path(file))})`,
    ),
    revision: revisionOf(file) + 1,
    keepEmpty: isStates(file.table),
  });
  await transactions.commit({ written, replaced: [file] });
  return count;
}
