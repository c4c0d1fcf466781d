/** The records that letters are about, as they are on the log now. */
import type {
  Consumer,
  Log,
  PartitionOffsets,
  ProducerRecord,
  RecordBatch,
  TopicDescription,
  TopicPartition,
} from '#log';
import type { Letter } from './letters.ts';

const POLL_MS = 100;

type Bounds = PartitionOffsets & { readonly isCompacted: boolean };

export class SourceRecords {
  readonly #consumer: Consumer;
  readonly #topics: ReadonlyMap<string, TopicDescription>;
  /** What was last read. */
  #fetched: readonly RecordBatch[] = [];
  /** By partition and key, in compacted topics. */
  readonly #newest = new Map<string, number>();

  private constructor(consumer: Consumer, topics: readonly TopicDescription[]) {
    this.#consumer = consumer;
    this.#topics = new Map(topics.map((topic) => [topic.name, topic]));
  }

  /** For these letters. A compacted topic is read from the oldest of its letters on, once. */
  static async open(log: Log, letters: readonly Letter[]): Promise<SourceRecords> {
    const records = new SourceRecords(await log.consumer(), await log.describeTopics());
    try {
      const partitions = Map.groupBy(letters, ({ value }) => `${value.topic}/${value.partition}`);
      for (const each of partitions.values()) await records.#findNewest(each);
    } catch (error) {
      await records.close();
      throw error;
    }
    return records;
  }

  /** Undefined where the log has no such partition. */
  bounds({ topic, partition }: TopicPartition): Bounds | undefined {
    const described = this.#topics.get(topic);
    const bounds = described?.offsets[partition];
    return bounds && { ...bounds, isCompacted: described?.cleanup.policy === 'compact' };
  }

  /** Undefined where retention or compaction has removed the record. Letters are often about neighbours: one fetch has many. */
  async at(place: TopicPartition, offset: number): Promise<ProducerRecord | undefined> {
    const isIn = (batch: RecordBatch) =>
      batch.topic === place.topic &&
      batch.partition === place.partition &&
      batch.baseOffset <= offset &&
      offset < batch.nextOffset;
    if (!this.#fetched.some(isIn)) {
      for await (const batches of this.#from(place, offset)) {
        this.#fetched = batches;
        if (batches.some(({ nextOffset }) => nextOffset > offset)) break;
      }
    }
    for (const batch of this.#fetched.filter(isIn)) {
      for (let i = 0; i < batch.count; i++) if (batch.offset(i) === offset) return recordOf(batch, i);
    }
    return undefined;
  }

  /** The newest offset of a letter's key, if the topic is compacted. */
  newest(place: TopicPartition, key: Buffer): number | undefined {
    return this.#newest.get(nameOf(place, key));
  }

  close(): Promise<void> {
    return this.#consumer.close();
  }

  async #findNewest(letters: readonly Letter[]): Promise<void> {
    const [first] = letters;
    if (first === undefined || this.bounds(first.value)?.isCompacted !== true) return;
    const { topic, partition } = first.value;
    const place = { topic, partition };
    const wanted = new Set(
      letters.flatMap(({ value: { key } }) => (key === null ? [] : [nameOf(place, key)])),
    );
    const oldest = letters.reduce((least, { value }) => Math.min(least, value.offset), first.value.offset);
    for await (const batches of this.#from(place, Math.max(oldest, this.bounds(place)?.start ?? 0))) {
      for (const batch of batches) {
        for (let i = 0; i < batch.count; i++) {
          const key = batch.key(i);
          const name = key === null ? undefined : nameOf(place, key);
          if (name !== undefined && wanted.has(name)) this.#newest.set(name, batch.offset(i));
        }
      }
    }
  }

  async *#from(place: TopicPartition, offset: number): AsyncGenerator<readonly RecordBatch[]> {
    const bounds = this.bounds(place);
    if (bounds === undefined || offset < bounds.start || offset >= bounds.stable) return;
    this.#consumer.assign([{ ...place, offset }]);
    while ((this.#consumer.position(place) ?? offset) < bounds.stable)
      yield await this.#consumer.poll(POLL_MS);
  }
}

function recordOf(batch: RecordBatch, i: number): ProducerRecord {
  const [key, value] = [batch.key(i), batch.value(i)];
  return { key, value, timestamp: batch.timestamp(i), headers: batch.headers(i) };
}

const nameOf = ({ topic, partition }: TopicPartition, key: Buffer) =>
  `${topic}/${partition}/${key.toString('hex')}`;
