import { type Appended, type Header, type Log, type Producer, type ProducerRecord, partitionFor } from '#log';
import { textOf } from './operators/record-checks.ts';
import type { Topic } from './serde.ts';
import { watermarkHeader } from './time/watermark.ts';

export type OutgoingRecord<K, V> = {
  /** Null where the record belongs to nobody: such records go round the partitions. */
  readonly key: K | null;
  /** Null writes a tombstone. */
  readonly value: V | null;
  /** Event time, ms. */
  readonly timestamp: number;
  readonly headers?: readonly Header[];
};

/** Writes typed records to one topic outside a topology, partitioned by key as Kafka's producers do. */
export class TopicWriter<K, V> {
  readonly #topic: Topic<K, V>;
  readonly #producer: Producer;
  /** Records without a key so far. */
  #keyless = 0;

  private constructor(topic: Topic<K, V>, producer: Producer) {
    this.#topic = topic;
    this.#producer = producer;
  }

  /** The topic has to be there: `write` fails with MR_LOG_UNKNOWN_TOPIC where it is not. */
  static async open<K, V>(log: Log, topic: Topic<K, V>): Promise<TopicWriter<K, V>> {
    return new TopicWriter(topic, await log.producer());
  }

  /**
   * Resolves with where they are when all of them are durable. Errors: MR_AVRO_ENCODE, MR_RECORD_KEY, before anything is
   * written.
   */
  async write(records: readonly OutgoingRecord<K, V>[]): Promise<readonly Appended[]> {
    const partitions = new Map<number, ProducerRecord[]>();
    for (const { key, value, timestamp, headers } of records) {
      const bytes = key === null ? null : Buffer.from(textOf(this.#topic.key, key, this.#topic.name));
      const partition =
        bytes === null
          ? this.#keyless++ % this.#topic.partitions
          : partitionFor(bytes, this.#topic.partitions);
      const list = partitions.get(partition) ?? [];
      partitions.set(partition, list);
      const encoded = value === null ? null : this.#topic.value.encode(value);
      list.push({ key: bytes, value: encoded, timestamp, ...(headers && { headers }) });
    }
    return Promise.all(
      Array.from(partitions, ([partition, list]) => this.#producer.append(this.#topic.name, partition, list)),
    );
  }

  /**
   * Tells readers that no record with a timestamp before `ms` will follow: the end of an import, after which
   * nobody knows when the next event comes.
   */
  async announce(ms: number): Promise<void> {
    const header = watermarkHeader({ writer: 0, writers: 1, ms });
    const heartbeat = { key: null, value: null, timestamp: ms - 1, headers: [header] };
    const partitions = Array.from({ length: this.#topic.partitions }, (_, partition) => partition);
    await Promise.all(
      partitions.map((partition) => this.#producer.append(this.#topic.name, partition, [heartbeat])),
    );
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await this.#producer.close();
  }
}

/** Writes records to a topic for once: opens a writer, and closes it whatever comes. Errors: those of TopicWriter. */
export async function writeRecords<K, V>(
  log: Log,
  topic: Topic<K, V>,
  records: readonly OutgoingRecord<K, V>[],
): Promise<void> {
  const writer = await TopicWriter.open(log, topic);
  try {
    await writer.write(records);
  } finally {
    await writer.close();
  }
}
