import type { ConsumerOptions, RecordBatch } from '../../port.ts';
import { EmptyBatch } from '../../stored-batch.ts';
import { type BatchHeader, batchHeaders } from './batch-header.ts';
import { FetchedBatch } from './fetched-batch.ts';

/** What a broker has sent of one partition. */
export type FetchedPartition = {
  readonly topic: string;
  readonly partition: number;
  readonly records: Buffer | null;
  /** The transactions among them that were aborted, by the offset of each one's first record. */
  readonly aborted: readonly AbortedTransaction[];
};

export type AbortedTransaction = { readonly producerId: number; readonly firstOffset: number };

export type Isolation = NonNullable<ConsumerOptions['isolation']>;

export type ReadableBatches = {
  /** Each one's `nextOffset` is behind what can't be read after it; one without records stands for nothing else. */
  readonly batches: readonly RecordBatch[];
  /** Where to go on; `fromOffset` itself when the answer held no whole batch. */
  readonly nextOffset: number;
};

/**
 * The batches that a reader at `fromOffset` may see, without control records and, where it reads what is committed, without
 * those of aborted transactions. FatalError MR_LOG_CORRUPT, ConfigurationError MR_LOG_RECORD_FORMAT.
 */
export function readableBatches(
  { topic, partition, records, aborted }: FetchedPartition,
  fromOffset: number,
  isolation: Isolation,
): ReadableBatches {
  if (records === null) return { batches: [], nextOffset: fromOffset };
  const isAborted = abortedBatches(isolation === 'read-committed' ? aborted : [], (header) =>
    controlType(new FetchedBatch(topic, partition, header, records)),
  );
  const batches: RecordBatch[] = [];
  let last: FetchedBatch | undefined;
  let nextOffset = fromOffset;
  for (const header of batchHeaders(topic, partition, records)) {
    const isHidden = isAborted(header) || header.isControl;
    nextOffset = Math.max(nextOffset, header.lastOffset + 1);
    if (!isHidden && header.lastOffset >= fromOffset) {
      const batch = new FetchedBatch(topic, partition, header, records, fromOffset);
      if (batch.count > 0) {
        last = batch;
        batches.push(batch);
      }
    }
    if (last !== undefined) last.nextOffset = nextOffset;
  }
  if (last === undefined && nextOffset > fromOffset) {
    batches.push(new EmptyBatch(topic, partition, fromOffset, nextOffset));
  }
  return { batches, nextOffset };
}

const ABORT = 0;

/**
 * Tells, batch after batch in the order of offsets, which ones belong to an aborted transaction: as the Java client's
 * CompletedFetch does. A broker lists the transactions by their ends, and lists those that began before the fetch; a producer
 * counts as aborted from the first offset of such a transaction to its abort marker, so that an earlier or a later transaction
 * of the same producer doesn't.
 */
function abortedBatches(
  aborted: readonly AbortedTransaction[],
  controlTypeOf: (header: BatchHeader) => number | undefined,
): (header: BatchHeader) => boolean {
  const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const producers = new Set<number>();
  let next = 0;
  return (header) => {
    if (aborted.length === 0 || header.producerId < 0) return false;
    for (; next < waiting.length; next++) {
      const { firstOffset, producerId } = waiting[next] as AbortedTransaction;
      if (firstOffset > header.lastOffset) break;
      producers.add(producerId);
    }
    if (header.isControl) {
      if (producers.has(header.producerId) && controlTypeOf(header) === ABORT) {
        producers.delete(header.producerId);
      }
      return false;
    }
    return header.isTransactional && producers.has(header.producerId);
  };
}

/** The key of a control record is its version and its type, two bytes each. */
function controlType(batch: FetchedBatch): number | undefined {
  const key = batch.count === 0 ? null : batch.key(0);
  return key === null || key.length < 4 ? undefined : key.readInt16BE(2);
}
