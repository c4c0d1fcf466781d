import type { Log, TopicPartition } from '#log';
import { type InputOffsets, readPositionHeader } from '../task/commit/position.ts';

/** The newest record of a key in a changelog. */
export type NewestRow = {
  /** Null where the row was removed. */
  readonly value: Buffer | null;
  readonly offset: number;
  /** Up to where the inputs were taken when it was committed; undefined where nothing says so. */
  readonly position: InputOffsets | undefined;
};

const POLL_MS = 1_000;

/** What a partition of a changelog says of each key from an offset on, as far as it is readable now. */
export async function newestRows(
  log: Pick<Log, 'describeTopics' | 'consumer'>,
  place: TopicPartition,
  from = 0,
): Promise<ReadonlyMap<string, NewestRow>> {
  const [description] = await log.describeTopics([place.topic]);
  const { start = 0, stable = 0 } = description?.offsets[place.partition] ?? {};
  const rows = new Map<string, NewestRow>();
  /** Rows of a commit whose last record has not arrived. */
  let uncommitted = new Map<string, Pick<NewestRow, 'value' | 'offset'>>();
  const consumer = await log.consumer();
  try {
    const first = Math.max(start, from);
    consumer.assign([{ ...place, offset: first }]);
    while ((consumer.position(place) ?? first) < stable) {
      for (const batch of await consumer.poll(POLL_MS)) {
        for (let i = 0; i < batch.count; i++) {
          const value = batch.value(i);
          const key = batch.keyText(i);
          // A copy: it outlives the batch.
          if (key !== null)
            uncommitted.set(key, { value: value && Buffer.from(value), offset: batch.offset(i) });
          const position = readPositionHeader(batch, i);
          if (position === undefined) continue;
          for (const [each, row] of uncommitted) rows.set(each, { ...row, position });
          uncommitted = new Map();
        }
      }
    }
  } finally {
    await consumer.close();
  }
  for (const [key, row] of uncommitted) rows.set(key, { ...row, position: undefined });
  return rows;
}
