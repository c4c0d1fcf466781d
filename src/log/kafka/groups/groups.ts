import type { GroupMetadata, JoinOptions, OffsetCommit, TopicPartition } from '../../port.ts';
import type { Cluster } from '../wire/cluster.ts';
import { GroupMember } from './group-member.ts';
import { type KafkaGroupMetadata, KafkaMembership } from './kafka-membership.ts';
import { commitOffsets, committedOffsets, type KafkaMember } from './offsets.ts';

/**
 * Groups by Kafka's classic protocol, of the protocol type 'consumer', so that Java's tools list them, show their lag and
 * reset their offsets. The port's member id of a static member is its group.instance.id; a dynamic member's is the id that
 * the coordinator gave it.
 *
 * Kafka keeps the promise of a static member in its own way: the heir gets the share and the generation of its predecessor
 * without a round, and the member id, which nobody else knows, is what fences the predecessor.
 */
export class Groups {
  readonly #cluster: Cluster;
  /** The newest of this client under each group and static id. */
  readonly #statics = new Map<string, GroupMember>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** As Log.joinGroup. Errors: MR_KAFKA_SESSION, MR_KAFKA_GROUP; MR_LOG_GENERATION where another took the place meanwhile. */
  async join(options: JoinOptions): Promise<KafkaMembership> {
    const member = new GroupMember(this.#cluster, options);
    const share = await member.join();
    if (options.memberId !== undefined) this.#statics.set(nameOf(options.group, options.memberId), member);
    return new KafkaMembership(member, share);
  }

  /** As Log.committedOffsets. */
  committed(
    group: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (OffsetCommit | undefined)[]> {
    return committedOffsets(this.#cluster, group, partitions);
  }

  /** As Log.commitOffsets. */
  commit(metadata: GroupMetadata, offsets: readonly OffsetCommit[]): Promise<void> {
    return commitOffsets(this.#cluster, metadata, this.member(metadata), offsets);
  }

  /**
   * The member as the brokers know it. A membership, and a copy of one, says itself who it is; of a static member of whom
   * only the id of the port is given, the newest of this client is meant.
   */
  member(metadata: GroupMetadata): KafkaMember {
    const { group, memberId, generation } = metadata;
    const known = this.#statics.get(nameOf(group, memberId));
    const kafkaMemberId = (metadata as KafkaGroupMetadata).kafkaMemberId ?? known?.id ?? memberId;
    return { memberId: kafkaMemberId, generation, instanceId: kafkaMemberId === memberId ? null : memberId };
  }
}

const nameOf = (group: string, memberId: string) => JSON.stringify([group, memberId]);
