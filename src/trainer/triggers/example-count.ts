import type { Consumer, Log } from '#log';
import type { Snapshot } from '#schemas';
import type { Topics } from '#topologies';

type CountSource = { readonly log: Log; readonly topics: Topics };

/** Counts the examples that have come since a snapshot. */
export class ExampleCount {
  readonly #source: CountSource;
  readonly #consumer: Consumer;
  #new = 0;

  private constructor(source: CountSource, consumer: Consumer) {
    this.#source = source;
    this.#consumer = consumer;
  }

  static async open({ log, topics }: CountSource, last: Snapshot | undefined): Promise<ExampleCount> {
    const count = new ExampleCount({ log, topics }, await log.consumer());
    await count.countFrom(last);
    return count;
  }

  /** From where the snapshot had read; without one, from the start. */
  async countFrom(last: Snapshot | undefined): Promise<void> {
    const { name: topic } = this.#source.topics.examples;
    const [description] = await this.#source.log.describeTopics([topic]);
    this.#new = 0;
    this.#consumer.assign(
      (description?.offsets ?? []).map(({ start }, partition) => {
        const read = last?.offsets.find((range) => range.topic === topic && range.partition === partition);
        return { topic, partition, offset: Math.max(start, read?.end ?? start) };
      }),
    );
  }

  /** Heartbeats have no value. */
  async count(): Promise<number> {
    for (;;) {
      const batches = await this.#consumer.poll(0);
      if (batches.length === 0) return this.#new;
      for (const batch of batches) {
        for (let i = 0; i < batch.count; i++) if (batch.value(i) !== null) this.#new++;
      }
    }
  }

  async close(): Promise<void> {
    await this.#consumer.close();
  }
}
