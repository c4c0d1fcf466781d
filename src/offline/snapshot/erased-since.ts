import { join } from 'node:path';
import { type OnUndecodable, readableRecords, type Topic } from '#engine';
import type { Log } from '#log';
import { namesIn, RetryableError } from '#platform';
import type { Snapshot, UserPrivacy } from '#schemas';
import type { DataFiles } from '#storage';
import { literal, withScratchDuckDb } from '../duckdb.ts';

type Source = DataFiles & {
  readonly log: Log;
  readonly topics: { readonly privacy: Topic<string, UserPrivacy> };
};

/**
 * Whether a user of the snapshot was erased since it was taken, or its files are gone, as an erasure leaves it: an erasure
 * cannot see what is in the making, so whoever has made something of a snapshot asks before handing it on.
 */
export async function holdsErasedUser(
  { log, topics, dataDirectory, files: shared }: Source,
  { directory, offsets }: Pick<Snapshot, 'directory' | 'offsets'>,
): Promise<boolean> {
  // Another machine may have erased the user: then the copy here says nothing.
  if (shared !== undefined && (await shared.stat(directory)).bytes === 0) return true;
  await shared?.bring(directory);
  const files = await parquetFiles(join(dataDirectory, directory));
  if (files.length === 0) return true;
  for (const pseudonym of await erasedSince(log, topics.privacy, offsets)) {
    if ((await rowsOfUser(files, pseudonym)) > 0) return true;
  }
  return false;
}

/** RetryableError MR_SNAPSHOT_WITHDRAWN. */
export function withdrawnSnapshot(id: string): RetryableError {
  return new RetryableError('MR_SNAPSHOT_WITHDRAWN', `A user in snapshot ${id} was erased meanwhile.`, {
    hint: 'Retry: the next snapshot is without them.',
  });
}

async function erasedSince(
  log: Log,
  topic: Topic<string, UserPrivacy>,
  offsets: Snapshot['offsets'],
): Promise<ReadonlySet<string>> {
  const from = Array.from({ length: topic.partitions }, (_, partition) => {
    return offsets.find((each) => each.topic === topic.name && each.partition === partition)?.end ?? 0;
  });
  const erased = new Set<string>();
  const onUndecodable: OnUndecodable = (record, error) => {
    topic.onUndecodable?.(record, error);
    // It may have been an erasure.
    if (record.key !== null) erased.add(record.key);
  };
  for await (const records of readableRecords(log, topic, { from, onUndecodable })) {
    for (const { key, value } of records) if (value?.status === 'erased') erased.add(key);
  }
  return erased;
}

async function parquetFiles(directory: string): Promise<readonly string[]> {
  const names = await namesIn(directory);
  return names.filter((name) => name.endsWith('.parquet')).map((name) => join(directory, name));
}

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
