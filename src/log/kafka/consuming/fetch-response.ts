import type { Reader } from '@platformatic/kafka';
import { invariant } from '#platform';
import type { AbortedTransaction } from '../records/readable-batches.ts';
import { BrokerError } from '../wire/kafka-errors.ts';

/** What a broker answers for one partition. */
export type PartitionAnswer = {
  readonly topicId: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  /** Those of the fetched stretch, in the order of their ends. */
  readonly aborted: readonly AbortedTransaction[];
  /** Present when the log before the asked offset is not the one that was read: where the leader's log of then ends. */
  readonly divergedAt: number | undefined;
  /** Whole batches, the last one perhaps cut off. Not copied again. */
  readonly records: Buffer | null;
};

const DIVERGING_EPOCH = 0;

/** Reads an answer to Fetch, version 13 to 17. A refusal of the whole request is thrown, those of partitions are not. */
export function parseFetchResponse(
  _correlationId: number,
  _apiKey: number,
  _apiVersion: number,
  reader: Reader,
): readonly PartitionAnswer[] {
  reader.readInt32(); // How long a quota has delayed the answer: the broker holds back what follows by itself.
  const errorCode = reader.readInt16();
  if (errorCode !== 0) throw new BrokerError(errorCode, 'fetching');
  reader.readInt32(); // The session id: none was requested.
  const answers: PartitionAnswer[] = [];
  reader.readArray((topic) => {
    const topicId = topic.readUUID();
    topic.readArray((partition) => answers.push(readPartition(partition, topicId)), true, false);
  });
  return answers;
}

function readPartition(reader: Reader, topicId: string): PartitionAnswer {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  const highWatermark = readOffset(reader);
  const lastStableOffset = readOffset(reader);
  readOffset(reader); // The first offset of the log.
  const aborted = reader.readArray(() => ({
    producerId: readOffset(reader),
    firstOffset: readOffset(reader),
  }));
  reader.readInt32(); // A replica to read from: only those that say where they stand are told.
  const records = readRecords(reader);
  const divergedAt = readDivergence(reader);
  return {
    topicId,
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    aborted,
    divergedAt,
    records,
  };
}

function readOffset(reader: Reader): number {
  const value = Number(reader.readInt64());
  invariant(Number.isSafeInteger(value), 'an offset or producer id is not below 2^53');
  return value;
}

function readRecords(reader: Reader): Buffer | null {
  const bytes = reader.readUnsignedVarInt() - 1;
  if (bytes <= 0) return null;
  // Joins what came in several pieces; the one copy that is made.
  const records = reader.buffer.slice(reader.position, reader.position + bytes);
  reader.skip(bytes);
  return records;
}

function readDivergence(reader: Reader): number | undefined {
  let divergedAt: number | undefined;
  const fields = reader.readUnsignedVarInt();
  for (let i = 0; i < fields; i++) {
    const tag = reader.readUnsignedVarInt();
    const end = reader.readUnsignedVarInt() + reader.position;
    if (tag === DIVERGING_EPOCH) {
      reader.readInt32();
      divergedAt = readOffset(reader);
    }
    reader.skip(end - reader.position);
  }
  return divergedAt;
}
