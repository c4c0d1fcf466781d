import { type Topic, TopicReader, type TopicRecord } from '#engine';
import type { Log } from '#log';
import type { Logger } from '#platform';
import type { OffsetRange } from '#schemas';
import { type ArchiveProgress, progressOf } from './archive-progress.ts';

/** A log that has to ask for its end is not asked again and again meanwhile. */
const POLL_MS = 5;

type Read<V> = TopicRecord<string, V> & { readonly value: V };

/** Records of one topic that are archived together, and where that leaves the archive. */
export type Cut<V> = {
  readonly records: readonly Read<V>[];
  readonly ranges: readonly OffsetRange[];
  readonly after: ArchiveProgress;
};

export type IntakeOptions<V> = {
  readonly log: Log;
  readonly logger: Logger;
  readonly topic: Topic<string, V>;
  /** Where the archive stands. */
  readonly from: ArchiveProgress;
  /** Most records of a partition that one cut takes. */
  readonly partitionRecords: number;
  readonly onUndecodable: () => void;
};

/**
 * Reads one topic ahead of the archive and cuts what was read. Where more is there than a cut may take, each partition
 * gives just this many records, so that the same log, read in one go, is always cut in the same places.
 */
export class TopicIntake<V> {
  readonly #options: IntakeOptions<V>;
  readonly #reader: TopicReader<string, V>;
  readonly #waiting: Read<V>[][];
  /** Where the archive stands after the last cut. */
  #at: ArchiveProgress;

  private constructor(options: IntakeOptions<V>, reader: TopicReader<string, V>) {
    this.#options = options;
    this.#reader = reader;
    this.#waiting = options.from.offsets.map(() => []);
    this.#at = options.from;
  }

  static async open<V>(options: IntakeOptions<V>): Promise<TopicIntake<V>> {
    const { log, logger, topic, from, onUndecodable } = options;
    const reader = await TopicReader.open(log, topic, {
      from: from.offsets,
      onUndecodable: (place, err) => {
        onUndecodable();
        logger.error({ ...place, err }, 'a record that cannot be decoded is not archived');
      },
    });
    return new TopicIntake(options, reader);
  }

  /** Reads until each partition has a cut's records or has given all that was there at the call. */
  async read(signal: AbortSignal): Promise<void> {
    const { log, topic, partitionRecords } = this.#options;
    const [description] = await log.describeTopics([topic.name]);
    const ends = (description?.offsets ?? []).map(({ stable }) => stable);
    const isWanting = () =>
      this.#waiting.some((list, partition) => {
        const isShort = list.length < partitionRecords;
        return isShort && (this.#reader.positions[partition] ?? 0) < (ends[partition] ?? 0);
      });
    while (isWanting() && !signal.aborted) {
      for (const record of await this.#reader.poll(POLL_MS)) {
        // A topic without keys to compact has no tombstones to speak of: one stands for nothing.
        if (record.value !== null) this.#waiting[record.partition]?.push(record as Read<V>);
      }
    }
  }

  /** Whether a partition has all the records that a cut may take. */
  get isFull(): boolean {
    return this.#waiting.some((list) => list.length >= this.#options.partitionRecords);
  }

  /** Whether there is nothing to cut: not a record, not a heartbeat. */
  get isIdle(): boolean {
    return this.#reader.positions.every((position, partition) => position === this.#at.offsets[partition]);
  }

  /** Takes what is to be archived next, away from what waits. */
  cut(): Cut<V> {
    const { topic, partitionRecords } = this.#options;
    const records: Read<V>[] = [];
    const offsets = this.#waiting.map((list, partition) => {
      // One by one: a call takes some 120,000 arguments at most.
      for (const record of list.splice(0, partitionRecords)) records.push(record);
      return list[0]?.offset ?? this.#reader.positions[partition] ?? 0;
    });
    // The reader's watermark speaks of all that it has read of a partition, and of nothing that it read before a restart.
    const watermarks = this.#reader.watermarks.map((watermark, partition) => {
      const before = this.#at.watermarks[partition] ?? Number.NEGATIVE_INFINITY;
      return this.#waiting[partition]?.length === 0 ? Math.max(before, watermark) : before;
    });
    const ranges = offsets.flatMap((end, partition): OffsetRange[] => {
      const start = this.#at.offsets[partition] ?? end;
      return end > start ? [{ topic: topic.name, partition, start, end }] : [];
    });
    this.#at = progressOf(offsets, this.#at.begins, watermarks);
    return { records, ranges, after: this.#at };
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}
