import { type Connection, createAPI, describeProducersV0, type Reader, Writer } from '@platformatic/kafka';
import type { TopicPartition } from '../../port.ts';
import {
  BYTES_BEFORE,
  BYTES_THAT_FOLLOW,
  HEADER_BYTES,
  LAST_OFFSET_DELTA,
  PRODUCER_EPOCH,
  PRODUCER_ID,
  readInt64,
  SEQUENCE,
} from '../records/batch-format.ts';
import { listOffsets } from '../topics/list-offsets.ts';
import type { Cluster } from '../wire/cluster.ts';
import { BrokerError } from '../wire/kafka-errors.ts';
import { leaderOf } from '../wire/leaders.ts';
import { retrying } from '../wire/retry.ts';
import type { ProducerIdentity } from './partition-queue.ts';

const PURPOSE = 'producer-state';
const FETCH_BYTES = 1024 * 1024;

/**
 * The sequence number of the last record that the partition's leader has from the producer under its epoch; undefined: it
 * has none. Errors: MR_LOG_UNAVAILABLE, MR_KAFKA_FORBIDDEN, and the brokers' refusals.
 */
export async function lastSequence(
  cluster: Cluster,
  { topic, partition }: TopicPartition,
  { producerId, epoch }: ProducerIdentity,
): Promise<number | undefined> {
  const { topics } = await askLeader(cluster, { topic, partition }, (connection) =>
    describeProducersV0.api.async(connection, [
      { name: cluster.prefixed(topic), partitionIndexes: [partition] },
    ]),
  );
  const producers = topics[0]?.partitions[0]?.activeProducers ?? [];
  const found = producers.find(
    (producer) => Number(producer.producerId) === producerId && producer.producerEpoch === epoch,
  );
  return found?.lastSequence;
}

/**
 * The offset of the first record of a batch that is known to be in the log from `fromOffset` on, by reading on until it comes.
 * Undefined: it is not there any more. Errors: MR_LOG_UNAVAILABLE, and the brokers' refusals.
 */
export async function findBatch(
  cluster: Cluster,
  at: TopicPartition,
  numbered: ProducerIdentity & { readonly sequence: number },
  fromOffset: number | undefined,
): Promise<number | undefined> {
  const [[start = 0], [end = 0]] = await Promise.all([
    listOffsets(cluster, [at], 'start'),
    listOffsets(cluster, [at], 'end'),
  ]);
  for (let offset = Math.max(start, fromOffset ?? start); offset < end; ) {
    const { baseOffset, nextOffset } = await askLeader(cluster, at, async (connection) => {
      const bytes = await fetchBatches.async(connection, cluster.prefixed(at.topic), at.partition, offset);
      const found = findIn(bytes, numbered);
      // A quota empties an answer, and a new leader does not give all of its log at once: nothing is known of the rest.
      if (found.baseOffset === undefined && found.nextOffset <= offset) {
        throw new BrokerError('OFFSET_NOT_AVAILABLE', `reading ${at.topic}/${at.partition} at ${offset}`);
      }
      return found;
    });
    if (baseOffset !== undefined) return baseOffset;
    offset = nextOffset;
  }
  return undefined;
}

function askLeader<T>(
  cluster: Cluster,
  at: TopicPartition,
  ask: (connection: Connection) => Promise<T>,
): Promise<T> {
  const operation = async () => ask(await cluster.connection(await leaderOf(cluster, at), PURPOSE));
  return retrying(cluster, operation, {
    what: `asking what ${at.topic}/${at.partition} holds`,
    before: () => cluster.refresh([at.topic]),
  });
}

/** The batch's offset among whole batches, and where they end. */
function findIn(
  bytes: Buffer,
  { producerId, epoch, sequence }: ProducerIdentity & { readonly sequence: number },
): { readonly baseOffset?: number; readonly nextOffset: number } {
  let nextOffset = -1;
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const baseOffset = readInt64(bytes, at);
    if (
      readInt64(bytes, at + PRODUCER_ID) === producerId &&
      bytes.readInt16BE(at + PRODUCER_EPOCH) === epoch &&
      bytes.readInt32BE(at + SEQUENCE) === sequence
    ) {
      return { baseOffset, nextOffset };
    }
    nextOffset = baseOffset + bytes.readInt32BE(at + LAST_OFFSET_DELTA) + 1;
    at += BYTES_BEFORE + bytes.readInt32BE(at + BYTES_THAT_FOLLOW);
  }
  return { nextOffset };
}

/** Fetch, version 12, of one partition, with what is not committed: the batches as they lie in the log. */
const fetchBatches = createAPI<[topic: string, partition: number, offset: number], Buffer>(
  1,
  12,
  createFetch,
  parseFetch,
);

const CLIENT = -1;
const UNKNOWN = -1;

function createFetch(topic: string, partition: number, offset: number): Writer {
  return Writer.create()
    .appendInt32(CLIENT)
    .appendInt32(0) // longest wait, ms
    .appendInt32(1) // fewest bytes
    .appendInt32(FETCH_BYTES)
    .appendInt8(0) // read uncommitted
    .appendInt32(0) // no session
    .appendInt32(UNKNOWN)
    .appendArray([topic], (topics, name) => {
      topics.appendString(name).appendArray([partition], (partitions, index) => {
        partitions
          .appendInt32(index)
          .appendInt32(UNKNOWN) // the leader's epoch
          .appendInt64(BigInt(offset))
          .appendInt32(UNKNOWN) // epoch of the last record read
          .appendInt64(BigInt(UNKNOWN)) // start of a follower's log
          .appendInt32(FETCH_BYTES);
      });
    })
    .appendArray([], () => {})
    .appendString('')
    .appendTaggedFields();
}

function parseFetch(_correlationId: number, _apiKey: number, _apiVersion: number, reader: Reader): Buffer {
  reader.skip(4); // throttle time
  refuse(reader.readInt16());
  reader.skip(4); // session
  const [records = Buffer.alloc(0)] = reader.readArray((topic) => {
    topic.readString();
    const [bytes = null] = topic.readArray((partition) => {
      partition.skip(4);
      refuse(partition.readInt16());
      partition.skip(24); // high watermark, stable offset, start
      partition.readNullableArray((aborted) => aborted.skip(16));
      partition.skip(4); // preferred replica
      return partition.readNullableBytes();
    });
    return bytes ?? Buffer.alloc(0);
  });
  return records;
}

function refuse(code: number): void {
  if (code !== 0) throw new BrokerError(code, 'reading a partition');
}
