/** Offsets from `from`, below `to`. */
import type { Log, RecordBatch, TopicPartition } from '#log';
export type Offsets = { readonly from: number; readonly to: number };

type Poll = {
  /** The last one may reach beyond the stretch. */
  readonly batches: readonly RecordBatch[];
  /** Offsets of the stretch. */
  readonly passed: number;
};

const POLL_MS = 500;
const READ_BYTES = 4 * 1024 * 1024;

/** The committed batches of a stretch of a partition, in their order, poll by poll. */
export async function* readStretch(
  log: Log,
  at: TopicPartition,
  { from, to }: Offsets,
  signal: AbortSignal,
): AsyncGenerator<Poll> {
  if (from >= to) return;
  const consumer = await log.consumer({ maxBytes: READ_BYTES });
  try {
    consumer.assign([{ ...at, offset: from }]);
    for (let position = from; position < to; ) {
      const batches = await consumer.poll(POLL_MS);
      signal.throwIfAborted();
      const reached = Math.min(to, consumer.position(at) ?? to);
      yield { batches, passed: reached - position };
      position = reached;
    }
  } finally {
    await consumer.close();
  }
}
