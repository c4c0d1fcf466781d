import { createAPI, type Reader, Writer } from '@platformatic/kafka';

/** A batch on its way to a partition, as the brokers name it. */
export type ProducedBatch = { readonly topic: string; readonly partition: number; readonly bytes: Buffer };

/** What the leader says of one batch. */
export type ProduceAnswer = {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's error code; 0: the batch is in the log. */
  readonly code: number;
  /** Offset of the first record; -1 if the broker does not say. */
  readonly baseOffset: number;
  readonly message: string | null;
};

const ALL_IN_SYNC_REPLICAS = -1;
/** For how long the leader waits for its followers. */
const REPLICATION_TIMEOUT_MS = 30_000;

type ProduceParameters = [transactionalId: string | null, batches: readonly ProducedBatch[]];

/**
 * Produce, version 11, of batches that are encoded already; one batch a partition. The library's own request encodes
 * records itself, and its response throws all partitions away for one that was refused: here each has its answer.
 */
export const produceV11 = createAPI<ProduceParameters, readonly ProduceAnswer[]>(
  0,
  11,
  createRequest,
  parseResponse,
);

/** The same bytes; in a transaction, the partitions take part in it by that alone (KIP-890). */
export const produceV12 = createAPI<ProduceParameters, readonly ProduceAnswer[]>(
  0,
  12,
  createRequest,
  parseResponse,
);

export function createRequest(transactionalId: string | null, batches: readonly ProducedBatch[]): Writer {
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  return Writer.create()
    .appendString(transactionalId)
    .appendInt16(ALL_IN_SYNC_REPLICAS)
    .appendInt32(REPLICATION_TIMEOUT_MS)
    .appendArray([...topics], (topicWriter, [name, partitions]) => {
      topicWriter.appendString(name).appendArray(partitions, (writer, { partition, bytes }) => {
        writer
          .appendInt32(partition)
          .appendUnsignedVarInt(bytes.length + 1)
          .append(bytes);
      });
    })
    .appendTaggedFields();
}

export function parseResponse(
  _correlationId: number,
  _apiKey: number,
  _apiVersion: number,
  reader: Reader,
): readonly ProduceAnswer[] {
  const topics = reader.readArray((topicReader) => {
    const topic = topicReader.readString();
    return topicReader.readArray((partitionReader) => parsePartition(topic, partitionReader));
  });
  return topics.flat();
}

function parsePartition(topic: string, reader: Reader): ProduceAnswer {
  const partition = reader.readInt32();
  const code = reader.readInt16();
  const baseOffset = Number(reader.readInt64());
  // Append time and start of the log.
  reader.skip(16);
  const recordErrors = reader.readArray((errorReader) => {
    errorReader.skip(4);
    return errorReader.readNullableString();
  });
  const message = reader.readNullableString();
  return { topic, partition, code, baseOffset, message: recordErrors.find((text) => text) ?? message };
}
