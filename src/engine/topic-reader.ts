import type { Consumer, Log, RecordBatch, TopicPartition } from '#log';
import { errorCode, InputError, RetryableError } from '#platform';
import { traceHeader } from './operators/trace-header.ts';
import { decodeLoading, type OnUndecodable, type Topic, type UndecodableRecord } from './serde.ts';
import { isHeartbeat, PartitionWatermark, readWatermarkHeader } from './time/watermark.ts';

/** A log that has to ask for its end is not asked again and again meanwhile. */
const END_POLL_MS = 5;

/** A decoded record; a null value is a tombstone. */
export type TopicRecord<K, V> = TopicPartition & {
  readonly offset: number;
  readonly key: K;
  readonly value: V | null;
  readonly timestamp: number;
  /** Its W3C trace context, if the reader was opened to return it. */
  readonly traceparent?: string | undefined;
};

export type TopicReaderOptions = {
  /** 'start', 'end', or the offset of each partition. */
  readonly from: 'start' | 'end' | readonly number[];
  /**
   * Told of records that can't be decoded, which are left out. Overrides the topic's own; without either they reject the
   * poll with InputError MR_RECORD_UNDECODABLE.
   */
  readonly onUndecodable?: OnUndecodable;
  /** Whether records come with their trace contexts. */
  readonly traced?: boolean;
};

/**
 * Reads one topic outside a topology, read-committed and decoded: for readers that keep no offsets, such as a
 * responder that follows a view or a command that lists versions.
 */
export class TopicReader<K, V> {
  readonly #topic: Topic<K, V>;
  readonly #consumer: Consumer;
  readonly #options: TopicReaderOptions;
  readonly #watermarks: PartitionWatermark[];

  private constructor(topic: Topic<K, V>, consumer: Consumer, options: TopicReaderOptions) {
    this.#topic = topic;
    this.#consumer = consumer;
    this.#options = options;
    this.#watermarks = Array.from({ length: topic.partitions }, () => new PartitionWatermark(undefined));
  }

  /** Errors: MR_LOG_UNKNOWN_TOPIC. */
  static async open<K, V>(
    log: Log,
    topic: Topic<K, V>,
    options: TopicReaderOptions,
  ): Promise<TopicReader<K, V>> {
    const [description] = await log.describeTopics([topic.name]);
    const consumer = await log.consumer();
    const { from } = options;
    const positions = (description?.offsets ?? []).map((offsets, partition) => {
      const edge = from === 'end' ? offsets.stable : offsets.start;
      const offset = typeof from === 'string' ? edge : (from[partition] ?? edge);
      return { topic: topic.name, partition, offset };
    });
    consumer.assign(positions);
    return new TopicReader(topic, consumer, options);
  }

  /**
   * What has become readable, in order within each partition; [] after `timeoutMs`. Heartbeats are left out. After a
   * RetryableError the next call returns what this one would have returned.
   */
  async poll(timeoutMs: number): Promise<TopicRecord<K, V>[]> {
    const before = this.positions;
    const batches = await this.#consumer.poll(timeoutMs);
    try {
      return await this.#decoded(batches);
    } catch (error) {
      // A schema could not be fetched: the next poll returns these records.
      if (error instanceof RetryableError) this.#goBackTo(before);
      throw error;
    }
  }

  async #decoded(batches: readonly RecordBatch[]): Promise<TopicRecord<K, V>[]> {
    const records: TopicRecord<K, V>[] = [];
    for (const batch of batches) {
      for (let i = 0; i < batch.count; i++) {
        const carried = readWatermarkHeader(batch, i);
        if (carried !== undefined) this.#watermarks[batch.partition]?.announce(carried);
        if (!isHeartbeat(batch, i)) await this.#decodeInto(records, batch, i);
      }
    }
    return records;
  }

  #goBackTo(positions: readonly number[]): void {
    this.#consumer.assign(this.#places().map((place, p) => ({ ...place, offset: positions[p] ?? 0 })));
  }

  /** Polls until everything that is readable now has been handed out. */
  async *untilEnd(): AsyncGenerator<TopicRecord<K, V>[]> {
    do {
      const records = await this.poll(END_POLL_MS);
      if (records.length > 0) yield records;
    } while (!this.isAtEnd);
  }

  /** Whether the last poll read up to the stable end of every partition. */
  get isAtEnd(): boolean {
    return this.#places().every((place) => {
      const end = this.#consumer.end(place);
      return end !== undefined && (this.#consumer.position(place) ?? 0) >= end;
    });
  }

  /** Event time before which nothing more will come; NO_WATERMARK until every partition's writers have spoken. */
  get watermark(): number {
    return Math.min(...this.#watermarks.map((watermark) => watermark.value));
  }

  /** The watermark of each partition. */
  get watermarks(): readonly number[] {
    return this.#watermarks.map((watermark) => watermark.value);
  }

  /** The latest announcement of any partition: how far event time has come at all. */
  get newestWatermark(): number {
    return Math.max(...this.#watermarks.map((watermark) => watermark.value));
  }

  /** The next offset of each partition. */
  get positions(): readonly number[] {
    return this.#places().map((place) => this.#consumer.position(place) ?? 0);
  }

  /** Ends a waiting poll with MR_LOG_CLOSED. */
  async close(): Promise<void> {
    await this.#consumer.close();
  }

  async #decodeInto(records: TopicRecord<K, V>[], batch: RecordBatch, index: number): Promise<void> {
    const { topic, partition } = batch;
    const offset = batch.offset(index);
    const text = batch.key(index)?.toString() ?? null;
    try {
      const bytes = batch.value(index);
      const key = this.#topic.key.fromText(text ?? '');
      const value = bytes === null ? null : await decodeLoading(this.#topic.value, bytes);
      const timestamp = batch.timestamp(index);
      const trace = this.#options.traced === true ? traceHeader(batch, index) : undefined;
      if (trace === undefined) records.push({ topic, partition, offset, key, value, timestamp });
      else
        records.push({
          topic,
          partition,
          offset,
          key,
          value,
          timestamp,
          traceparent: trace.toString('latin1'),
        });
    } catch (error) {
      if (error instanceof RetryableError && errorCode(error) !== 'MR_SCHEMA_NOT_LOADED') throw error;
      const record = { topic, partition, offset, key: text };
      const { onUndecodable = this.#topic.onUndecodable } = this.#options;
      if (onUndecodable === undefined) throw undecodable(record, error);
      onUndecodable(record, error);
    }
  }

  #places(): TopicPartition[] {
    return Array.from({ length: this.#topic.partitions }, (_, partition) => ({
      topic: this.#topic.name,
      partition,
    }));
  }
}

function undecodable({ topic, partition, offset }: UndecodableRecord, cause: unknown): InputError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new InputError(
    'MR_RECORD_UNDECODABLE',
    `The record at offset ${offset} of topic ${topic}, partition ${partition}, can't be decoded: ${why}`,
    { hint: 'Find out who else writes to the topic, and revoke their permission.', cause },
  );
}

export type CurrentRecord<K, V> = TopicRecord<K, V> & { readonly value: V };

/** All records of a topic that are readable now, in order within each partition, poll by poll. Errors: those of TopicReader. */
export async function* readableRecords<K, V>(
  log: Log,
  topic: Topic<K, V>,
  options: TopicReaderOptions = { from: 'start' },
): AsyncGenerator<readonly TopicRecord<K, V>[]> {
  const reader = await TopicReader.open(log, topic, options);
  try {
    yield* reader.untilEnd();
  } finally {
    await reader.close();
  }
}

/**
 * What compaction would leave of a topic as it is now: the newest record of each key, without keys that a tombstone has
 * ended. Keys are in order of their first record, or of their newest.
 */
export async function currentRecords<K, V>(
  log: Log,
  topic: Topic<K, V>,
  order: 'by-first' | 'by-newest',
): Promise<ReadonlyMap<K, CurrentRecord<K, V>>> {
  const current = new Map<K, CurrentRecord<K, V>>();
  for await (const records of readableRecords(log, topic)) {
    for (const record of records) {
      const { key, value } = record;
      if (value === null || order === 'by-newest') current.delete(key);
      if (value !== null) current.set(key, { ...record, value });
    }
  }
  return current;
}
