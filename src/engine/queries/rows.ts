import { RetryableError } from '#platform';
import { storePrefix } from '../store/database-keys.ts';
import type { DatabaseReads, DatabaseSnapshot, KeyRange } from '../store/port.ts';
import type { InputOffsets } from '../task/commit/position.ts';
import { MARKS_KEY, type Marks } from '../task/restore/open-store.ts';

/** What is wanted of a store in one task: the row of a key, or the first rows of a range, `limit` at most. */
export type RowsWanted = { readonly key: Buffer } | { readonly range: KeyRange; readonly limit: number };

export type Row = { readonly key: Buffer; readonly value: Buffer };

/** Rows as one commit has left them, in bytewise order of their keys, with that commit's position. */
export type Rows = {
  readonly rows: readonly Row[];
  /** Whether there is nothing behind them in the range. */
  readonly complete: boolean;
  readonly position: InputOffsets;
};

/** Values are of any size: a page ends behind the row with which it is as large as this. */
const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * Reads a store of one task from a snapshot of its database, and closes that. Rows and position are of one instant:
 * a commit writes both at once. Errors: MR_QUERY_TASK_MOVING where a copy holds half of a commit, or is closing.
 */
export async function readRows(
  takeSnapshot: () => DatabaseSnapshot,
  store: string,
  wanted: RowsWanted,
): Promise<Rows> {
  let snapshot: DatabaseSnapshot | undefined;
  try {
    snapshot = takeSnapshot();
    const position = await positionIn(snapshot, store);
    return { ...(await rowsIn(snapshot, storePrefix(store), wanted)), position };
  } catch (cause) {
    if (cause instanceof RetryableError) throw cause;
    throw moving(`store ${store} can't be read here at the moment`, cause);
  } finally {
    await snapshot?.close();
  }
}

export function moving(message: string, cause?: unknown): RetryableError {
  return new RetryableError('MR_QUERY_TASK_MOVING', message, {
    hint: 'retry in a moment: its task is being moved or restored; a standby may answer meanwhile',
    cause,
  });
}

async function positionIn(snapshot: DatabaseReads, store: string): Promise<InputOffsets> {
  const [bytes] = await snapshot.getMany([MARKS_KEY]);
  const marks: Marks | undefined = bytes ? JSON.parse(bytes.toString()) : undefined;
  const position = marks?.stores[store]?.position;
  if (position === undefined) throw moving(`store ${store} is being brought up to date`);
  return position;
}

async function rowsIn(
  snapshot: DatabaseReads,
  prefix: Buffer,
  wanted: RowsWanted,
): Promise<Omit<Rows, 'position'>> {
  if ('key' in wanted) {
    const { key } = wanted;
    const [value] = await snapshot.getMany([Buffer.concat([prefix, key])]);
    return { rows: value ? [{ key, value }] : [], complete: true };
  }
  const { range, limit } = wanted;
  const rows: Row[] = [];
  let bytes = 0;
  const within = { gte: Buffer.concat([prefix, range.gte]), lt: Buffer.concat([prefix, range.lt]) };
  for await (const chunk of snapshot.scan(within)) {
    for (const { key, value } of chunk) {
      if (value === null) continue;
      if (rows.length === limit || bytes >= PAGE_BYTES) return { rows, complete: false };
      rows.push({ key: key.subarray(prefix.length), value });
      bytes += key.length + value.length;
    }
  }
  return { rows, complete: true };
}
