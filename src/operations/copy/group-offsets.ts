import type { Log, TopicDescription, TopicPartition } from '#engine/log';
import type { CopySide } from './partition-digest.ts';

type Offsets = { readonly from: number; readonly to: number };

export type GroupMove = {
  readonly from: CopySide;
  readonly to: CopySide;
  /** As the source was when it was copied; both sides have the same records. */
  readonly topics: readonly TopicDescription[];
  readonly signal: AbortSignal;
};

const POLL_MS = 500;

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
  { from, to }: Offsets,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const offsets: number[] = [];
  if (from >= to) return offsets;
  const consumer = await log.consumer();
  try {
    consumer.assign([{ ...at, offset: from }]);
    while ((consumer.position(at) ?? to) < to) {
      for (const batch of await consumer.poll(POLL_MS)) {
        for (let i = 0; i < batch.count && batch.offset(i) < to; i++) offsets.push(batch.offset(i));
      }
      signal.throwIfAborted();
    }
  } finally {
    await consumer.close();
  }
  return offsets;
}
