import type { Log, OffsetCommit } from '#log';
import type { Topics } from '#topologies';
import { type ArchivedTopic, archivedTables } from './archived-tables.ts';

/** The consumer group whose offsets say what is archived. */
export const ARCHIVE_GROUP = 'archive';

/** Up to where a topic is archived. */
export type ArchiveProgress = {
  /** The next offset of each partition. */
  readonly offsets: readonly number[];
  /** The offset of each partition from which on nothing is missing: the log may have dropped what lies before it. */
  readonly begins: readonly number[];
  /** For each partition the time before which every record is archived; -Infinity before anything is known. */
  readonly watermarks: readonly number[];
  /** The least of them. */
  readonly watermark: number;
};

export function progressOf(
  offsets: readonly number[],
  begins: readonly number[],
  watermarks: readonly number[],
): ArchiveProgress {
  const watermark = watermarks.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...watermarks);
  return { offsets, begins, watermarks, watermark };
}

/** What else is known goes with the offsets, so that all of it becomes durable with the files that it speaks of. */
export function commitsOf(
  topic: ArchivedTopic,
  { offsets, begins, watermarks }: ArchiveProgress,
): OffsetCommit[] {
  return offsets.map((offset, partition) => {
    const begin = begins[partition] ?? 0;
    const watermark = watermarks[partition] ?? Number.NEGATIVE_INFINITY;
    const metadata = Number.isFinite(watermark) ? `${begin} ${watermark}` : `${begin}`;
    return { topic, partition, offset, metadata };
  });
}

/** What the group has committed; where it has committed nothing, nothing is archived: also not what the log has dropped. */
export async function readProgress(
  log: Log,
  topics: Topics,
): Promise<ReadonlyMap<ArchivedTopic, ArchiveProgress>> {
  const found = new Map<ArchivedTopic, ArchiveProgress>();
  const descriptions = await log.describeTopics(archivedTables.map(({ topic }) => topics[topic].name));
  for (const { topic } of archivedTables) {
    const starts = descriptions.find(({ name }) => name === topic)?.offsets ?? [];
    const committed = await log.committedOffsets(
      ARCHIVE_GROUP,
      starts.map((_, partition) => ({ topic, partition })),
    );
    const known = committed.map((commit) => (commit?.metadata ?? '').split(' ').filter(Boolean).map(Number));
    const offsets = starts.map((_, partition) => committed[partition]?.offset ?? 0);
    const begins = starts.map((_, partition) => known[partition]?.[0] ?? 0);
    const watermarks = known.map(([, watermark]) => watermark ?? Number.NEGATIVE_INFINITY);
    found.set(topic, progressOf(offsets, begins, watermarks));
  }
  return found;
}
