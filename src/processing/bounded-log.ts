import { batchUntil } from '#engine';
import type { Consumer, Log, RecordBatch, TopicPartition } from '#log';
import type { Clock } from '#platform';

export type Bounds = {
  /** Partitions that end before an offset, whatever is written after it. */
  readonly ends: readonly (TopicPartition & { readonly offset: number })[];
  /** Processor time that the reader's thread may take of the time that passes, above 0 and up to 1. */
  readonly share: number;
  readonly clock: Clock;
  /** Processor time that this thread has taken, ms. */
  readonly usedMs: () => number;
};

/**
 * Heartbeats of a group are sent beside a poll, not within it: a pause that is longer would have the member expelled.
 * What is owed beyond it is paused for after the next poll.
 */
const LONGEST_PAUSE_MS = 250;

/** A log whose readers end at given offsets, and pause so that their thread leaves processor time to others. */
export function boundedLog(log: Log, bounds: Bounds): Log {
  return {
    createTopics: (specs) => log.createTopics(specs),
    deleteTopics: (names) => log.deleteTopics(names),
    describeTopics: (names) => log.describeTopics(names),
    offsetForTimestamp: (partition, timestamp) => log.offsetForTimestamp(partition, timestamp),
    producer: () => log.producer(),
    transactionalProducer: (id) => log.transactionalProducer(id),
    consumer: async (options) => new BoundedConsumer(await log.consumer(options), bounds),
    joinGroup: (options) => log.joinGroup(options),
    committedOffsets: (group, partitions) => log.committedOffsets(group, partitions),
    groups: () => log.groups(),
    commitOffsets: (group, offsets) => log.commitOffsets(group, offsets),
    close: () => log.close(),
  };
}

const nameOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;

class BoundedConsumer implements Consumer {
  readonly #consumer: Consumer;
  readonly #ends: ReadonlyMap<string, number>;
  readonly #bounds: Bounds;
  /** When it was last seen to be within its share, and what the thread had used by then. */
  #since: { readonly atMs: number; readonly usedMs: number } | undefined;

  constructor(consumer: Consumer, bounds: Bounds) {
    this.#consumer = consumer;
    this.#bounds = bounds;
    this.#ends = new Map(bounds.ends.map((end) => [nameOf(end), end.offset]));
  }

  assign(positions: readonly (TopicPartition & { readonly offset: number })[]): void {
    this.#consumer.assign(positions);
    this.#consumer.pause(positions.filter((place) => place.offset >= this.#endOf(place)));
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#consumer.pause(partitions);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#consumer.resume(partitions.filter((place) => !this.#isOver(place)));
  }

  async poll(timeoutMs: number): Promise<readonly RecordBatch[]> {
    await this.#pay();
    const batches = await this.#consumer.poll(timeoutMs);
    const within = batches.filter((batch) => batch.baseOffset < this.#endOf(batch));
    this.#consumer.pause(batches.filter((batch) => this.#isOver(batch)));
    return within.map((batch) => batchUntil(batch, this.#endOf(batch)));
  }

  end(place: TopicPartition): number | undefined {
    const end = this.#endOf(place);
    return this.#isOver(place) ? end : min(this.#consumer.end(place), end);
  }

  position(place: TopicPartition): number | undefined {
    return min(this.#consumer.position(place), this.#endOf(place));
  }

  close(): Promise<void> {
    return this.#consumer.close();
  }

  #endOf(place: TopicPartition): number {
    return this.#ends.get(nameOf(place)) ?? Number.POSITIVE_INFINITY;
  }

  #isOver(place: TopicPartition): boolean {
    return (this.#consumer.position(place) ?? 0) >= this.#endOf(place);
  }

  /** Pauses for the processor time that was taken beyond the share since the last poll. */
  async #pay(): Promise<void> {
    const { clock, share, usedMs } = this.#bounds;
    if (share >= 1) return;
    const now = { atMs: clock.monotonic(), usedMs: usedMs() };
    const since = this.#since ?? now;
    const owedMs = (now.usedMs - since.usedMs) / share - (now.atMs - since.atMs);
    if (owedMs >= 1) await clock.sleep(Math.min(owedMs, LONGEST_PAUSE_MS));
    // Time not taken is not saved up: after a quiet hour it would be taken at once.
    this.#since = owedMs <= 0 ? now : since;
  }
}

function min(offset: number | undefined, end: number): number | undefined {
  return offset === undefined ? undefined : Math.min(offset, end);
}
