/** How far each group of the log is behind what it reads. */
import type { Log, TopicPartition } from '#log';

export type PartitionLag = TopicPartition & {
  readonly committed: number;
  /** What is readable ends here. */
  readonly end: number;
  /** Offsets between the two: more than records, where transactions and compaction leave gaps. */
  readonly lag: number;
  /** Age of the first record that is not committed, by its timestamp, ms; 0 without lag, null where there is no such record. */
  readonly behindMs: number | null;
};

export type GroupLag = {
  readonly group: string;
  /** The sum. */
  readonly lag: number;
  /** The largest; null where none is known. */
  readonly behindMs: number | null;
  readonly partitions: readonly PartitionLag[];
};

const POLL_MS = 200;

/** For all groups of the log, or those named, by name; a group that has committed nothing has no partitions. */
export async function groupLags(
  log: Log,
  nowMs: number,
  names?: readonly string[],
): Promise<readonly GroupLag[]> {
  const described = await log.describeTopics();
  const places = described.flatMap(({ name: topic, offsets }) =>
    offsets.map(({ start, stable }, partition) => ({ topic, partition, start, stable })),
  );
  const lags: GroupLag[] = [];
  for (const group of [...(names ?? (await log.groups()))].sort()) {
    const committed = await log.committedOffsets(group, places);
    const partitions: PartitionLag[] = [];
    for (const [i, { topic, partition, start, stable }] of places.entries()) {
      const offset = committed[i]?.offset;
      if (offset === undefined) continue;
      const lag = Math.max(0, stable - offset);
      const from = Math.max(start, offset);
      const oldest = lag === 0 ? nowMs : await timestampAt(log, { topic, partition }, from, stable);
      const behindMs = oldest === undefined ? null : Math.max(0, nowMs - oldest);
      partitions.push({ topic, partition, committed: offset, end: stable, lag, behindMs });
    }
    const known = partitions.flatMap(({ behindMs }) => behindMs ?? []);
    lags.push({
      group,
      lag: partitions.reduce((sum, each) => sum + each.lag, 0),
      behindMs: known.length === 0 ? null : known.reduce((most, each) => Math.max(most, each), 0),
      partitions,
    });
  }
  return lags;
}

/** The timestamp of the first record from `offset` on. */
async function timestampAt(
  log: Log,
  place: TopicPartition,
  offset: number,
  end: number,
): Promise<number | undefined> {
  const consumer = await log.consumer({ maxBytes: 1 });
  try {
    consumer.assign([{ ...place, offset }]);
    while ((consumer.position(place) ?? end) < end) {
      for (const batch of await consumer.poll(POLL_MS)) if (batch.count > 0) return batch.timestamp(0);
    }
    return undefined;
  } finally {
    await consumer.close();
  }
}
