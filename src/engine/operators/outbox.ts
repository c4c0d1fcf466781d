import { type Header, type Key, keyRoom, type ProducerRecord, RecordBuffer, type TopicPartition } from '#log';
import type { Serde } from '../serde.ts';

/** Records that wait for the commit, by the partition that they go to. */
export class Outbox {
  readonly #topics = new Map<string, RecordBuffer[]>();
  /** The topic added to last, most often the next one too. */
  #last = '';
  #lastPartitions: RecordBuffer[] = [];
  #bytes = 0;

  /** Upper bound of keys and values in bytes: a string counts three bytes a character. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Errors: MR_LOG_INVALID_RECORD, MR_RECORD_TOO_LARGE. */
  add(topic: string, partition: number, { key, value, timestamp, headers }: ProducerRecord): void {
    this.put(topic, partition, key, value, timestamp, headers);
  }

  /** As `add`, without an object for the record. */
  put(
    topic: string,
    partition: number,
    key: Key,
    value: Buffer | null,
    timestamp: number,
    headers?: readonly Header[],
  ): void {
    this.#recordsOf(topic, partition).put(key, value, timestamp, headers);
    this.#bytes += keyRoom(key) + (value === null ? 0 : value.length);
  }

  /** As `put`, for a value that has yet to be encoded. Errors: those of encoding. */
  putValue<V>(
    topic: string,
    partition: number,
    key: Key,
    value: V,
    serde: Pick<Serde<V>, 'encode' | 'encodeInto'>,
    timestamp: number,
    headers?: readonly Header[],
  ): void {
    const { encodeInto } = serde;
    if (encodeInto === undefined) this.put(topic, partition, key, serde.encode(value), timestamp, headers);
    else {
      const records = this.#recordsOf(topic, partition);
      this.#bytes += keyRoom(key) + records.putValue(key, value, encodeInto, timestamp, headers);
    }
  }

  #recordsOf(topic: string, partition: number): RecordBuffer {
    if (topic !== this.#last) this.#turnTo(topic);
    let records = this.#lastPartitions[partition];
    if (records === undefined) this.#lastPartitions[partition] = records = new RecordBuffer();
    return records;
  }

  #turnTo(topic: string): void {
    this.#last = topic;
    this.#lastPartitions = this.#topics.get(topic) ?? [];
    this.#topics.set(topic, this.#lastPartitions);
  }

  /** The records of one partition so far. */
  peek(topic: string, partition: number): RecordBuffer | undefined {
    return this.#topics.get(topic)?.[partition];
  }

  /** What there is, until it is cleared. */
  *appends(): Generator<TopicPartition & { readonly records: RecordBuffer }> {
    for (const [topic, partitions] of this.#topics) {
      for (const [partition, records] of partitions.entries()) {
        if (records !== undefined && records.length > 0) yield { topic, partition, records };
      }
    }
  }

  /** Drops everything, and keeps the room for as much again. */
  clear(): void {
    for (const partitions of this.#topics.values()) for (const records of partitions) records?.clear();
    this.#bytes = 0;
  }
}
