import {
  FencedWriter,
  idleMember,
  type Log,
  type OffsetCommit,
  type ProducerRecord,
  type TopicPartition,
  type Transaction,
} from '#log';
import { errorCode, RetryableError } from '#platform';
import type { SubTopology } from '../topology.ts';

const POLL_MS = 1_000;
/** A transaction is held in memory until it commits. */
const CHUNK_RECORDS = 10_000;

export type Become = (record: ProducerRecord) => ProducerRecord | undefined;

export type Transfer = {
  readonly from: string;
  readonly to: string;
  readonly partition: number;
  /** Offsets of `from`; by default all of it. */
  readonly range?: { readonly start: number; readonly end: number };
  /** What becomes of a record; undefined leaves it out. */
  readonly become: Become;
};

export type IdleGroupOptions = {
  readonly log: Log;
  readonly group: string;
  readonly transactionalId: string;
  /** Partitions whose offsets the group commits. */
  readonly inputs: readonly TopicPartition[];
  readonly signal?: AbortSignal | undefined;
  /** Told by how many offsets a transfer has moved on. */
  readonly onRead?: ((offsets: number) => void) | undefined;
};

/**
 * Changes topics for a group whose instances are all stopped. Each transaction commits offsets of the group as nobody,
 * which the log refuses while the group has members: nothing changes under a running instance.
 */
export class IdleGroup {
  readonly #options: IdleGroupOptions;
  readonly #writer: FencedWriter;

  private constructor(options: IdleGroupOptions, writer: FencedWriter) {
    this.#options = options;
    this.#writer = writer;
  }

  /** Errors: MR_TOPOLOGY_MIGRATION_BUSY while an instance runs, or another process does the same. */
  static async run(options: IdleGroupOptions, work: (group: IdleGroup) => Promise<void>): Promise<void> {
    const writer = await FencedWriter.open(options.log, options.transactionalId);
    try {
      await work(new IdleGroup(options, writer));
    } catch (error) {
      const code = errorCode(error);
      if (code !== 'MR_LOG_GENERATION' && code !== 'MR_LOG_FENCED') throw error;
      throw busy(options.group, error);
    } finally {
      await writer.close();
    }
  }

  /** What the group has committed; waits for transactions that may change it. */
  async committed(): Promise<readonly OffsetCommit[]> {
    const { log, group, inputs } = this.#options;
    return (await log.committedOffsets(group, inputs)).filter((offset) => offset !== undefined);
  }

  /** Commits together with offsets of the group; without any, together with one that stands already. */
  async commit(
    offsets: readonly OffsetCommit[] = [],
    { appends = [], offsets: others = [] }: Transaction = {},
  ): Promise<void> {
    const commits = offsets.length > 0 ? offsets : (await this.committed()).slice(0, 1);
    const own = { group: idleMember(this.#options.group), offsets: commits };
    await this.#writer.write({ appends, offsets: [...others, own] });
  }

  /** Copies one partition's records, in transactions of bounded size. */
  async transfer({ from, to, partition, range, become }: Transfer): Promise<void> {
    const { log, signal, onRead } = this.#options;
    const place = { topic: from, partition };
    const bounds = range ?? (await this.#bounds(place));
    if (bounds.start >= bounds.end) return;
    const consumer = await log.consumer();
    try {
      consumer.assign([{ ...place, offset: bounds.start }]);
      let chunk: ProducerRecord[] = [];
      for (let position = bounds.start; position < bounds.end; ) {
        signal?.throwIfAborted();
        for (const batch of await consumer.poll(POLL_MS)) {
          for (let i = 0; i < batch.count && batch.offset(i) < bounds.end; i++) {
            const [key, value] = [batch.key(i), batch.value(i)];
            const headers = batch.headers(i);
            const record = become({ key, value, timestamp: batch.timestamp(i), headers });
            if (record !== undefined) chunk.push(record);
          }
        }
        const reached = Math.min(bounds.end, consumer.position(place) ?? position);
        onRead?.(reached - position);
        position = reached;
        if (chunk.length < CHUNK_RECORDS) continue;
        await this.#write(to, partition, chunk);
        chunk = [];
      }
      if (chunk.length > 0) await this.#write(to, partition, chunk);
    } finally {
      await consumer.close();
    }
  }

  async deleteTopics(topics: Iterable<string>): Promise<void> {
    for (const topic of new Set(topics)) await deleteIfThere(this.#options.log, topic);
  }

  async #write(topic: string, partition: number, records: readonly ProducerRecord[]): Promise<void> {
    await this.commit([], { appends: [{ topic, partition, records }] });
  }

  /**
   * Up to the end, not the stable offset: a transaction that a dead instance has left open holds that below what others
   * have committed. Reading waits until it is aborted.
   */
  async #bounds({ topic, partition }: TopicPartition): Promise<{ start: number; end: number }> {
    const [description] = await this.#options.log.describeTopics([topic]);
    const { start = 0, end = 0 } = description?.offsets[partition] ?? {};
    return { start, end };
  }
}

/** An earlier attempt that was cut short may have deleted it. */
export async function deleteIfThere(log: Pick<Log, 'deleteTopics'>, topic: string): Promise<void> {
  try {
    await log.deleteTopics([topic]);
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_UNKNOWN_TOPIC') throw error;
  }
}

/** Every partition that sub-topologies read. */
export function inputsOf(subTopologies: readonly SubTopology[]): TopicPartition[] {
  return subTopologies.flatMap(({ sources }) =>
    sources.flatMap(({ topic: { name, partitions } }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
    ),
  );
}

function busy(group: string, cause: unknown): RetryableError {
  return new RetryableError(
    'MR_TOPOLOGY_MIGRATION_BUSY',
    `The state of ${group} can't be migrated while an instance runs, or while another one migrates it.`,
    {
      hint: 'stop all instances, wait ten seconds for those that did not leave cleanly, and start one',
      cause,
    },
  );
}
