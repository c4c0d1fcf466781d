import { randomUUID } from 'node:crypto';
import type { Clock } from '#platform';
import { Compaction } from './compaction.ts';
import { packPartition } from './packing.ts';
import type { CleaningRow, Reader } from './reader.ts';
import type { WriterConnection } from './writer-client.ts';

/** What one pass has removed. */
export type Cleaned = {
  /** Another process is at it: nothing was done. */
  readonly skipped: boolean;
  /** Batches that were older than their topic's retention. */
  readonly expiredBatches: number;
  /** Records that a newer one of the same key had replaced. */
  readonly compactedRecords: number;
  readonly expiredTombstones: number;
  /** Batches of deleted topics. */
  readonly purgedBatches: number;
};

export type CleanOptions = {
  /** A partition is compacted when at least this share of its records is new since the last time; 0.5. */
  readonly minDirtyRatio?: number;
  /** Ends the pass where it stands, with the signal's reason: what is cleaned by then is. */
  readonly signal?: AbortSignal;
};

/** What the steps of one pass share. */
export type Pass = {
  readonly reader: Reader;
  readonly writer: WriterConnection;
  readonly clock: Clock;
  readonly assertOpen: () => void;
  /** Names the one cleaner to the writer, which refuses the rewrites of any other. */
  readonly token: string;
  readonly counts: { -readonly [K in keyof Cleaned]: Cleaned[K] };
};

/** A cleaner that dies blocks the others for this long. It renews the lease before each partition. */
const LEASE_MS = 5 * 60_000;

/** One pass of retention, compaction and packing over all topics. */
export async function clean(
  resources: Pick<Pass, 'reader' | 'writer' | 'clock' | 'assertOpen'>,
  { minDirtyRatio = 0.5 }: CleanOptions,
): Promise<Cleaned> {
  const counts = {
    skipped: false,
    expiredBatches: 0,
    compactedRecords: 0,
    expiredTombstones: 0,
    purgedBatches: 0,
  };
  const pass: Pass = { ...resources, token: randomUUID(), counts };
  if (!(await lease(pass, LEASE_MS))) return { ...counts, skipped: true };
  try {
    if (!(await cleanAll(pass, minDirtyRatio))) return counts;
  } catch (error) {
    // Else nobody cleans until it has run out, and the next start is soon.
    await lease(pass, 0).catch(() => {});
    throw error;
  }
  await lease(pass, 0);
  return counts;
}

/** False where another cleaner has taken over. */
async function cleanAll(pass: Pass, minDirtyRatio: number): Promise<boolean> {
  await purge(pass);
  for (const partition of pass.reader.partitions()) {
    pass.assertOpen();
    const { cleanup } = partition;
    if (cleanup.policy === 'delete') {
      await expire(pass, partition, cleanup.retentionMs);
      await packPartition(pass, partition);
    } else if (isDue(partition, minDirtyRatio, pass.clock.now())) {
      await new Compaction(pass, partition, cleanup.tombstoneRetentionMs).run();
    }
    if (!(await lease(pass, LEASE_MS))) return false;
  }
  return true;
}

function lease({ writer, clock, token }: Pass, forMs: number): Promise<boolean> {
  const now = clock.now();
  return writer.request<boolean>({ kind: 'lease-cleaner', token, now, until: now + forMs });
}

/** What a process that ended while it deleted a topic has left. */
async function purge({ writer, counts }: Pass): Promise<void> {
  for (;;) {
    const purged = await writer.request<number>({ kind: 'purge' });
    if (purged === 0) return;
    counts.purgedBatches += purged;
  }
}

/**
 * Removes whole batches from the start, as Kafka removes segments: a late record never hides behind a newer one. Two
 * things stay beyond what Kafka keeps: what a group has still to read, and what only a timestamp from the future would
 * make old.
 */
async function expire(pass: Pass, partition: CleaningRow, retentionMs: number | null): Promise<void> {
  if (retentionMs === null || partition.newest === null) return;
  const keptFrom = Math.min(partition.newest, pass.clock.now()) - retentionMs;
  const unreadFrom = partition.unreadFrom ?? Number.POSITIVE_INFINITY;
  for (let from = partition.start; ; ) {
    const rows = pass.reader.survey(partition.id, from);
    const kept = rows.findIndex((row) => row.newest >= keptFrom || row.nextOffset > unreadFrom);
    const last = kept === -1 ? rows.at(-1) : rows[kept - 1];
    if (last === undefined) return;
    for (;;) {
      pass.assertOpen();
      const offset = last.nextOffset;
      const removed = await pass.writer.request<number>({ kind: 'trim', partitionId: partition.id, offset });
      if (removed === 0) break;
      pass.counts.expiredBatches += removed;
    }
    if (kept !== -1) return;
    from = last.nextOffset;
  }
}

function isDue(
  { end, compactedTo, compactedRecords, tombstonesDue }: CleaningRow,
  ratio: number,
  now: number,
): boolean {
  const dirty = end - compactedTo;
  if (dirty > 0 && dirty / (dirty + compactedRecords) >= ratio) return true;
  return tombstonesDue !== null && tombstonesDue <= now;
}
