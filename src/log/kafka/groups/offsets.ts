import { offsetCommitV8, offsetFetchV8 } from '@platformatic/kafka';
import { invalidOffset, metadataTooLong, staleGeneration } from '../../errors.ts';
import { checkOffsetCommit } from '../../offset-commit.ts';
import type { GroupMetadata, OffsetCommit, TopicPartition } from '../../port.ts';
import { askCoordinator } from '../wire/ask-coordinator.ts';
import type { Cluster } from '../wire/cluster.ts';
import { errorName, isPassing } from '../wire/kafka-errors.ts';
import { assertKnown } from '../wire/leaders.ts';
import { retrying } from '../wire/retry.ts';
import { groupError, isExpelled } from './group-errors.ts';

/** A member as the brokers know it. */
export type KafkaMember = {
  readonly memberId: string;
  readonly generation: number;
  readonly instanceId: string | null;
};

/** The longest that a transaction may stay open, by default of the brokers: transaction.max.timeout.ms. */
const LONGEST_TRANSACTION_MS = 15 * 60_000;
const UNKNOWN_EPOCH = -1;

/** Kafka's own consumers ask for both: whoever reads an offset behind an open transaction would process twice. */
const isPending = (error: unknown) => errorName(error) === 'UNSTABLE_OFFSET_COMMIT';

/** As Log.committedOffsets. */
export async function committedOffsets(
  cluster: Cluster,
  group: string,
  partitions: readonly TopicPartition[],
): Promise<readonly (OffsetCommit | undefined)[]> {
  if (partitions.length === 0) return [];
  const topics = Array.from(
    Map.groupBy(partitions, ({ topic }) => topic),
    ([topic, at]) => ({
      name: cluster.prefixed(topic),
      partitionIndexes: at.map(({ partition }) => partition),
    }),
  );
  const request = [{ groupId: cluster.prefixed(group), memberEpoch: -1, topics }];
  const ask = () =>
    askCoordinator(
      cluster,
      { kind: 'group', key: group },
      (connection) => offsetFetchV8.api.async(connection, request, true),
      { isPassing: (error) => isPassing(error) && !isPending(error) },
    );
  try {
    const { groups } = await retrying(cluster, ask, {
      what: `offsets of group ${group}`,
      timeoutMs: LONGEST_TRANSACTION_MS,
      isPassing: isPending,
    });
    const found = new Map(
      groups.flatMap((each) => each.topics).map(({ name, partitions }) => [name, partitions] as const),
    );
    return partitions.map(({ topic, partition }) => {
      const kept = found.get(cluster.prefixed(topic))?.find((each) => each.partitionIndex === partition);
      return kept && asCommit({ topic, partition }, kept);
    });
  } catch (error) {
    throw groupError(error, group);
  }
}

function asCommit(
  { topic, partition }: TopicPartition,
  kept: { readonly committedOffset: bigint; readonly metadata?: string | null | undefined },
): OffsetCommit | undefined {
  const offset = Number(kept.committedOffset);
  if (offset < 0) return undefined;
  if (!Number.isSafeInteger(offset)) throw invalidOffset({ topic, partition }, offset);
  return { topic, partition, offset, ...(kept.metadata && { metadata: kept.metadata }) };
}

/** As Log.commitOffsets; `member` is what `metadata` names. */
export async function commitOffsets(
  cluster: Cluster,
  metadata: GroupMetadata,
  member: KafkaMember,
  offsets: readonly OffsetCommit[],
): Promise<void> {
  for (const commit of offsets) checkOffsetCommit(commit);
  if (offsets.length === 0) return;
  for (const at of offsets) await assertKnown(cluster, at);
  const { group } = metadata;
  const kafkaGroup = cluster.prefixed(group);
  const topics = committedByTopic(cluster, offsets);
  try {
    await askCoordinator(
      cluster,
      { kind: 'group', key: group },
      (connection) =>
        offsetCommitV8.api.async(
          connection,
          kafkaGroup,
          member.generation,
          member.memberId,
          member.instanceId,
          topics,
        ),
      {
        // A round of the member's own generation is about to end.
        isPassing: (error) => isPassing(error) || errorName(error) === 'REBALANCE_IN_PROGRESS',
        before: async (error) => {
          if (errorName(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') return;
          // A broker may hear of a new topic later than others.
          await cluster.refresh([...new Set(offsets.map(({ topic }) => topic))]);
          for (const at of offsets) await assertKnown(cluster, at);
        },
      },
    );
  } catch (error) {
    if (isExpelled(error)) throw staleGeneration(group, metadata.memberId, metadata.generation);
    if (errorName(error) === 'OFFSET_METADATA_TOO_LARGE') throw tooLong(offsets);
    throw groupError(error, group);
  }
}

/** As the requests that commit offsets name them, in a transaction or not. */
export function committedByTopic(cluster: Cluster, offsets: readonly OffsetCommit[]) {
  return Array.from(
    Map.groupBy(offsets, ({ topic }) => topic),
    ([topic, commits]) => ({
      name: cluster.prefixed(topic),
      partitions: commits.map(({ partition, offset, metadata = '' }) => ({
        partitionIndex: partition,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: UNKNOWN_EPOCH,
        committedMetadata: metadata,
      })),
    }),
  );
}

/** The brokers may keep less than the 4 KiB that they keep by default (offset.metadata.max.bytes). */
function tooLong(offsets: readonly OffsetCommit[]): Error {
  const bytes = ({ metadata = '' }: OffsetCommit) => Buffer.byteLength(metadata);
  const longest = offsets.reduce((a, b) => (bytes(b) > bytes(a) ? b : a));
  return metadataTooLong(longest, bytes(longest));
}
