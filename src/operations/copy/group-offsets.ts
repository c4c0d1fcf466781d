import type { Log, TopicDescription, TopicPartition } from '#engine/log';
import type { CopySide } from './partition-digest.ts';
import { type Offsets, readStretch } from './stretch.ts';

export type GroupMove = {
  readonly from: CopySide;
  readonly to: CopySide;
  /** As the source was when it was copied; both sides have the same records. */
  readonly topics: readonly TopicDescription[];
  readonly signal: AbortSignal;
};

/**
 * Commits for a group on the target where it stands on the source. Offsets differ, so it is the same record counted from
 * the newest one: from the oldest, what compaction has removed on one side would shift it. Errors: MR_LOG_GENERATION
 * where the group has members on the target.
 */
export async function moveGroup(group: string, { from, to, topics, signal }: GroupMove): Promise<void> {
  for (const { name, offsets } of topics) {
    const places = offsets.map((_, partition) => ({ topic: name, partition }));
    const committed = await from.log.committedOffsets(group, places);
    if (committed.every((each) => each === undefined)) continue;
    const [target] = await to.log.describeTopics([name]);
    for (const at of places) {
      const commit = committed[at.partition];
      const [here, there] = [offsets[at.partition], target?.offsets[at.partition]];
      if (commit === undefined || here === undefined || there === undefined) continue;
      const ahead = { from: Math.max(here.start, commit.offset), to: here.stable };
      const count = (await offsetsOf(from.log, at, ahead, signal)).length;
      const offset = await offsetBefore(to.log, at, { from: there.start, to: there.stable }, count, signal);
      const metadata = commit.metadata === undefined ? {} : { metadata: commit.metadata };
      await to.log.commitOffsets({ group, memberId: '', generation: -1 }, [{ ...at, offset, ...metadata }]);
    }
  }
}

/** The offset from which `count` records follow. */
async function offsetBefore(
  log: Log,
  at: TopicPartition,
  there: Offsets,
  count: number,
  signal: AbortSignal,
): Promise<number> {
  if (count === 0) return there.to;
  const offsets = await offsetsOf(log, at, there, signal);
  return offsets[offsets.length - count] ?? there.from;
}

async function offsetsOf(
  log: Log,
  at: TopicPartition,
  stretch: Offsets,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const offsets: number[] = [];
  for await (const { batches } of readStretch(log, at, stretch, signal)) {
    for (const batch of batches) {
      for (let i = 0; i < batch.count && batch.offset(i) < stretch.to; i++) offsets.push(batch.offset(i));
    }
  }
  return offsets;
}
