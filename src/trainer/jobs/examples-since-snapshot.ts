import { TopicReader } from '#engine';
import type { JobProgress } from '#jobs';
import type { Consumer } from '#log';
import { readSnapshots } from '#offline';
import type { Snapshot } from '#schemas';
import type { TrainerOptions } from '../trainer-options.ts';

type Source = Pick<TrainerOptions, 'log' | 'topics' | 'clock'>;

/** Counts the examples that have come since the last snapshot, whoever has taken that. */
export class ExamplesSinceSnapshot implements JobProgress {
  readonly #source: Source;
  readonly #consumer: Consumer;
  readonly #snapshots: TopicReader<string, Snapshot>;
  /** When the last snapshot was taken; of none, when the count began. */
  #lastMs: number;
  #new = 0;

  private constructor(source: Source, consumer: Consumer, snapshots: TopicReader<string, Snapshot>) {
    this.#source = source;
    this.#consumer = consumer;
    this.#snapshots = snapshots;
    this.#lastMs = source.clock.now();
  }

  static async open(source: Source): Promise<ExamplesSinceSnapshot> {
    const { log, topics } = source;
    const snapshots = await TopicReader.open(log, topics.snapshots, { from: 'end', onUndecodable: () => {} });
    const count = new ExamplesSinceSnapshot(source, await log.consumer(), snapshots);
    await count.#countFrom((await readSnapshots(source)).at(-1));
    return count;
  }

  /** Heartbeats have no value. */
  async newRecords(): Promise<number> {
    await this.#follow();
    for (;;) {
      const batches = await this.#consumer.poll(0);
      if (batches.length === 0) return this.#new;
      for (const batch of batches) {
        for (let i = 0; i < batch.count; i++) if (batch.value(i) !== null) this.#new++;
      }
    }
  }

  async lastMs(): Promise<number> {
    await this.#follow();
    return this.#lastMs;
  }

  async close(): Promise<void> {
    await this.#snapshots.close();
    await this.#consumer.close();
  }

  async #follow(): Promise<void> {
    const taken = (await this.#snapshots.poll(0)).findLast(({ value }) => value !== null)?.value;
    if (taken != null) await this.#countFrom(taken);
  }

  /** From where the snapshot had read; without one, from the start. */
  async #countFrom(last: Snapshot | undefined): Promise<void> {
    const { name: topic } = this.#source.topics.examples;
    const [description] = await this.#source.log.describeTopics([topic]);
    if (last !== undefined) this.#lastMs = last.ts;
    this.#new = 0;
    this.#consumer.assign(
      (description?.offsets ?? []).map(({ start }, partition) => {
        const read = last?.offsets.find((range) => range.topic === topic && range.partition === partition);
        return { topic, partition, offset: Math.max(start, read?.end ?? start) };
      }),
    );
  }
}
