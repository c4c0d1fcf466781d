import { MillraceError, Slices } from '#platform';
import type { CleaningRow, Reader, StoredRow } from './reader.ts';

export type CheckOptions = {
  /** The share of the batches that are read, and what chooses them; all of them without it. */
  readonly sample?: { readonly share: number; readonly random: () => number };
  readonly signal?: AbortSignal;
};

export type LogCheck = {
  /** Batches read. */
  readonly batches: number;
  /** What is wrong with the first of them, by topic, partition and offset. */
  readonly problems: readonly string[];
};

/** Rows in one query: a batch can have a megabyte. */
const PAGE_ROWS = 16;
const SLICE_MS = 10;
/** A file of which more is damaged needs no longer list. */
const MOST_PROBLEMS = 20;

/**
 * Holds batches against their checksums and against the columns that they are found by, and looks for offsets that no batch
 * covers where a topic keeps all records until they expire. A reader finds a damaged batch only when it comes to it.
 */
export async function checkBatches(reader: Reader, options: CheckOptions = {}): Promise<LogCheck> {
  const { sample, signal } = options;
  const slices = new Slices(SLICE_MS);
  const problems: string[] = [];
  let batches = 0;
  for (const partition of reader.partitions()) {
    let before: StoredRow | undefined;
    for (;;) {
      signal?.throwIfAborted();
      const rows = rowsAfter(reader, partition, before?.baseOffset ?? -1);
      for (const row of rows) {
        if (isGapBefore(reader, partition, before, row)) {
          problems.push(`${placeOf(partition, before?.nextOffset ?? 0)}: no batch up to ${row.baseOffset}`);
        }
        before = row;
        if (sample !== undefined && sample.random() >= sample.share) continue;
        batches++;
        const problem = problemOf(reader, partition, row);
        if (problem !== undefined) problems.push(problem);
        if (problems.length >= MOST_PROBLEMS) return { batches, problems };
      }
      if (slices.isOver) await slices.yield();
      if (rows.length < PAGE_ROWS) break;
    }
    if (isCutOff(reader, partition, before))
      problems.push(`${placeOf(partition, before?.nextOffset ?? 0)}: no batch up to ${partition.end}`);
  }
  return { batches, problems };
}

function rowsAfter(reader: Reader, { id }: CleaningRow, baseOffset: number): readonly StoredRow[] {
  try {
    return reader.stored(id, baseOffset, PAGE_ROWS);
  } catch (error) {
    // Its topic was deleted meanwhile.
    if (reader.offsets(id) === undefined) return [];
    throw error;
  }
}

function problemOf(reader: Reader, partition: CleaningRow, row: StoredRow): string | undefined {
  const { baseOffset, nextOffset, newest } = row;
  try {
    const batch = reader.batch(partition, baseOffset, row.batch);
    if (batch.nextOffset !== nextOffset)
      return `${placeOf(partition, baseOffset)}: ends at ${batch.nextOffset}, and its row says ${nextOffset}`;
    if (batch.maxTimestamp !== newest)
      return `${placeOf(partition, baseOffset)}: its newest time is ${batch.maxTimestamp}, and its row says ${newest}`;
    return undefined;
  } catch (error) {
    if (error instanceof MillraceError) return error.message;
    throw error;
  }
}

/** Compaction leaves gaps; elsewhere a batch begins where the one before it ends, unless the two were merged meanwhile. */
function isGapBefore(
  reader: Reader,
  { id, cleanup }: CleaningRow,
  before: StoredRow | undefined,
  { baseOffset }: StoredRow,
): boolean {
  if (cleanup.policy === 'compact') return false;
  const start = reader.offsets(id)?.[0] ?? 0;
  const from = before === undefined ? start : before.nextOffset;
  if (from < start || (before === undefined ? baseOffset <= from : baseOffset === from)) return false;
  const [found] = reader.fetch(id, from, 1);
  const [now] = found === undefined ? [] : reader.stored(id, found[0] - 1, 1);
  return now === undefined || now.baseOffset > from || now.nextOffset <= from;
}

/** Whether records that were acknowledged are in no batch. */
function isCutOff(reader: Reader, { id, cleanup, end }: CleaningRow, last: StoredRow | undefined): boolean {
  const start = reader.offsets(id)?.[0];
  if (cleanup.policy === 'compact' || start === undefined) return false;
  return start < end && (last?.nextOffset ?? start) < end;
}

const placeOf = ({ topic, partition }: CleaningRow, offset: number) =>
  `${topic}/${partition} offset ${offset}`;
