import type { ProducerRecord, TopicPartition } from '../log/port.ts';

/** Records that wait for the commit, by the partition that they go to. */
export class Outbox {
  readonly #topics = new Map<string, ProducerRecord[][]>();

  add(topic: string, partition: number, record: ProducerRecord): void {
    const partitions = this.#topics.get(topic) ?? [];
    this.#topics.set(topic, partitions);
    const records = partitions[partition];
    if (records === undefined) partitions[partition] = [record];
    else records.push(record);
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
  }
}
