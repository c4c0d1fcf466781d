import type { Consumer, Log } from '#engine/log';
import { readSnapshots } from '#offline';
import type { Clock } from '#platform';
import type { Snapshot } from '#schemas';
import type { Topics } from '#topologies';

/** When snapshots are taken without being asked for; 0 for never. */
export type ScheduleOptions = { readonly everyMs: number; readonly everyExamples: number };

type ScheduleSource = { readonly log: Log; readonly topics: Topics; readonly clock: Clock };

/** After a snapshot for which there was nothing complete. */
const retryMs = 60_000;

/**
 * Says when a snapshot is due. What it counts from is the last snapshot on the log, so whoever holds the trainer's place
 * goes on where the one before had come.
 */
export class SnapshotSchedule {
  readonly #source: ScheduleSource;
  readonly #options: ScheduleOptions;
  readonly #examples: Consumer | undefined;
  /** When the last snapshot was taken; of none, when the count began. */
  #lastMs: number;
  #newExamples = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  private constructor(
    source: ScheduleSource,
    options: ScheduleOptions,
    examples: Consumer | undefined,
    last: Snapshot | undefined,
  ) {
    this.#source = source;
    this.#options = options;
    this.#examples = examples;
    this.#lastMs = last?.ts ?? source.clock.now();
  }

  static async open(source: ScheduleSource, options: ScheduleOptions): Promise<SnapshotSchedule> {
    const isOn = options.everyMs > 0 || options.everyExamples > 0;
    const last = isOn ? (await readSnapshots(source)).at(-1) : undefined;
    const examples = options.everyExamples > 0 ? await source.log.consumer() : undefined;
    const schedule = new SnapshotSchedule(source, options, examples, last);
    await schedule.#countFrom(last);
    return schedule;
  }

  async isDue(): Promise<boolean> {
    const { everyMs, everyExamples } = this.#options;
    const now = this.#source.clock.now();
    if (now < this.#notBeforeMs) return false;
    if (everyMs > 0 && now - this.#lastMs >= everyMs) return true;
    if (everyExamples === 0) return false;
    await this.#count();
    return this.#newExamples >= everyExamples;
  }

  /** A snapshot was announced, by whomever. */
  async taken(snapshot: Snapshot): Promise<void> {
    this.#lastMs = Math.max(this.#lastMs, snapshot.ts);
    await this.#countFrom(snapshot);
  }

  /** There was nothing to take. */
  postpone(): void {
    this.#notBeforeMs = this.#source.clock.now() + retryMs;
  }

  async close(): Promise<void> {
    await this.#examples?.close();
  }

  async #countFrom(last: Snapshot | undefined): Promise<void> {
    if (this.#examples === undefined) return;
    const { name: topic } = this.#source.topics.examples;
    const [description] = await this.#source.log.describeTopics([topic]);
    this.#newExamples = 0;
    this.#examples.assign(
      (description?.offsets ?? []).map(({ start }, partition) => {
        const read = last?.offsets.find((range) => range.topic === topic && range.partition === partition);
        return { topic, partition, offset: Math.max(start, read?.end ?? start) };
      }),
    );
  }

  /** Heartbeats have no value. */
  async #count(): Promise<void> {
    for (;;) {
      const batches = (await this.#examples?.poll(0)) ?? [];
      if (batches.length === 0) return;
      for (const batch of batches) {
        for (let i = 0; i < batch.count; i++) if (batch.value(i) !== null) this.#newExamples++;
      }
    }
  }
}
