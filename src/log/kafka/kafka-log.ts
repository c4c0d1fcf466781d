import type { Clock, Logger } from '#platform';
import { logClosed } from '../errors.ts';
import type {
  Consumer,
  ConsumerOptions,
  GroupMetadata,
  JoinOptions,
  Log,
  Membership,
  OffsetCommit,
  Producer,
  TopicDescription,
  TopicPartition,
  TopicSpec,
  TransactionalProducer,
} from '../port.ts';
import { openConsumer } from './consuming/kafka-consumer.ts';
import { Groups } from './groups/groups.ts';
import { listGroups } from './groups/list-groups.ts';
import { openProducer } from './producing/idempotent-producer.ts';
import { openTransactionalProducer } from './producing/transactional-producer.ts';
import { listOffsets } from './topics/list-offsets.ts';
import { createTopics, deleteTopics, describeTopics } from './topics/topics.ts';
import { Cluster } from './wire/cluster.ts';
import { firstContact } from './wire/first-contact.ts';
import type { KafkaOptions } from './wire/kafka-options.ts';

export type KafkaLogEnvironment = {
  readonly clock: Clock;
  /** From 0 to 1, for the jitter of back-off. */
  readonly random: () => number;
  readonly logger?: Logger;
};

/** The log port on Apache Kafka, 3.7 or newer. */
export class KafkaLog implements Log {
  readonly #cluster: Cluster;
  readonly #groups: Groups;
  #closing: Promise<void> | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#groups = new Groups(cluster);
  }

  /** Tells one cluster from another. */
  get clusterId(): string {
    return this.#cluster.clusterId;
  }

  async createTopics(specs: readonly TopicSpec[]): Promise<void> {
    await createTopics(this.#open(), specs);
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    await deleteTopics(this.#open(), names);
  }

  async describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]> {
    return describeTopics(this.#open(), names);
  }

  async offsetForTimestamp(at: TopicPartition, timestamp: number): Promise<number> {
    const cluster = this.#open();
    const [found = -1] = await listOffsets(cluster, [at], { timestamp });
    if (found >= 0) return found;
    const [end = 0] = await listOffsets(cluster, [at], 'end');
    return end;
  }

  async producer(): Promise<Producer> {
    return openProducer(this.#open());
  }

  async transactionalProducer(transactionalId: string): Promise<TransactionalProducer> {
    return openTransactionalProducer(this.#open(), this.#groups, transactionalId);
  }

  async consumer(options: ConsumerOptions = {}): Promise<Consumer> {
    return openConsumer(this.#open(), options);
  }

  async joinGroup(options: JoinOptions): Promise<Membership> {
    this.#open();
    return this.#groups.join(options);
  }

  async committedOffsets(
    group: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (OffsetCommit | undefined)[]> {
    this.#open();
    return this.#groups.committed(group, partitions);
  }

  async groups(): Promise<readonly string[]> {
    return listGroups(this.#open());
  }

  async commitOffsets(group: GroupMetadata, offsets: readonly OffsetCommit[]): Promise<void> {
    this.#open();
    await this.#groups.commit(group, offsets);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#cluster.opened].map((each) => each.close()));
    await this.#cluster.close();
  }

  #open(): Cluster {
    if (this.#closing !== undefined) throw logClosed();
    return this.#cluster;
  }
}

/** Reaches a broker first. Errors: MR_LOG_UNAVAILABLE, MR_KAFKA_LOGIN, MR_KAFKA_VERSION. */
export async function openKafkaLog(
  options: KafkaOptions,
  environment: KafkaLogEnvironment,
): Promise<KafkaLog> {
  const cluster = new Cluster(options, environment);
  try {
    await firstContact(cluster);
    await cluster.refresh([]);
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return new KafkaLog(cluster);
}
