import type {
  Appended,
  GroupMetadata,
  Log,
  OffsetCommit,
  Records,
  TopicPartition,
  TransactionalProducer,
} from './port.ts';

/** What becomes visible at once. */
export type Transaction = {
  readonly appends?: readonly (TopicPartition & { readonly records: Records })[];
  readonly offsets?: readonly GroupOffsets[];
};

export type GroupOffsets = { readonly group: GroupMetadata; readonly offsets: readonly OffsetCommit[] };

/** As whom offsets of a group without members are committed: MR_LOG_GENERATION while it has some. */
export const idleMember = (group: string): GroupMetadata => ({ group, memberId: '', generation: -1 });

/**
 * How everything that has one writer at a time changes the log. Whoever opens it fences those before, who learn of it by
 * their next write (MR_LOG_FENCED). A write is in the log whole, offsets included, or nothing of it is.
 */
export class FencedWriter {
  readonly #producer: TransactionalProducer;

  private constructor(producer: TransactionalProducer) {
    this.#producer = producer;
  }

  static async open(log: Log, transactionalId: string): Promise<FencedWriter> {
    return new FencedWriter(await log.transactionalProducer(transactionalId));
  }

  /** With what the writers before have left, which none of them changes any more. */
  static async openAndRead<S>(
    log: Log,
    transactionalId: string,
    read: () => Promise<S>,
  ): Promise<readonly [FencedWriter, S]> {
    const writer = await FencedWriter.open(log, transactionalId);
    try {
      return [writer, await read()];
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  /**
   * Returns where the records are. Errors: MR_LOG_FENCED; MR_LOG_GENERATION where a group has gone on without the member;
   * those of `TransactionalProducer`.
   */
  async write({ appends = [], offsets = [] }: Transaction): Promise<readonly Appended[]> {
    try {
      for (const { topic, partition, records } of appends) {
        if (records.length > 0) this.#producer.append(topic, partition, records);
      }
      for (const each of offsets) this.#producer.sendOffsets(each.group, each.offsets);
    } catch (error) {
      // What was added before would go with the next write. An abort that fails is completed by the next writer.
      await this.#producer.abort().catch(() => {});
      throw error;
    }
    return this.#producer.commit();
  }

  close(): Promise<void> {
    return this.#producer.close();
  }
}
