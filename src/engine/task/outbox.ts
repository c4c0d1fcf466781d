import type { ProducerRecord, TopicPartition } from '../log/port.ts';

/** Records that wait for the commit, by the partition that they go to. */
export class Outbox {
  readonly #topics = new Map<string, ProducerRecord[][]>();
  /** The topic added to last, most often the next one too. */
  #last = '';
  #lastPartitions: ProducerRecord[][] = [];
  #bytes = 0;

  /** Of keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  add(topic: string, partition: number, record: ProducerRecord): void {
    this.#bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
    if (topic !== this.#last) this.#turnTo(topic);
    const records = this.#lastPartitions[partition];
    if (records === undefined) this.#lastPartitions[partition] = [record];
    else records.push(record);
  }

  #turnTo(topic: string): void {
    this.#last = topic;
    this.#lastPartitions = this.#topics.get(topic) ?? [];
    this.#topics.set(topic, this.#lastPartitions);
  }

  /** The records of one partition so far. */
  peek(topic: string, partition: number): ProducerRecord[] | undefined {
    return this.#topics.get(topic)?.[partition];
  }

  /** Takes everything out. */
  *drain(): Generator<TopicPartition & { readonly records: ProducerRecord[] }> {
    for (const [topic, partitions] of this.#topics) {
      for (const [partition, records] of partitions.entries()) {
        if (records !== undefined && records.length > 0) yield { topic, partition, records };
      }
    }
    this.#topics.clear();
    this.#last = '';
    this.#bytes = 0;
  }
}
