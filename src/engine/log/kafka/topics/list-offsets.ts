import { listOffsetsV7 } from '@platformatic/kafka';
import { unknownTopic } from '../../errors.ts';
import type { TopicPartition } from '../../port.ts';
import type { Cluster } from '../wire/cluster.ts';
import { BrokerError, errorName, isPassing, translatedError } from '../wire/kafka-errors.ts';
import { retrying } from '../wire/retry.ts';

/** Which offset of a partition: its first, its last stable one, its end, or the first at or after a time (ms). */
export type Place = 'start' | 'stable' | 'end' | { readonly timestamp: number };

const EARLIEST = -2n;
const LATEST = -1n;
const CLIENT = -1;
const READ_COMMITTED = 1;
const READ_UNCOMMITTED = 0;
const NO_LEADER = 5;

/**
 * The offset of each partition, in the order asked for; -1 where no record is as late as the time. Errors: MR_LOG_UNKNOWN_TOPIC,
 * MR_LOG_UNAVAILABLE.
 */
export async function listOffsets(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  place: Place,
): Promise<readonly number[]> {
  const names = [...new Set(partitions.map(({ topic }) => topic))];
  try {
    return await retrying(cluster, () => askLeaders(cluster, partitions, place), {
      what: 'asking for offsets',
      isPassing: (error) => isPassing(error) || errorName(error) === 'UNKNOWN_TOPIC_OR_PARTITION',
      before: () => cluster.refresh(names),
    });
  } catch (error) {
    throw translatedError(error, 'asking for offsets');
  }
}

async function askLeaders(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  place: Place,
): Promise<readonly number[]> {
  const byLeader = new Map<number, number[]>();
  for (const [index, { topic, partition }] of partitions.entries()) {
    const leader = (await cluster.topic(topic)).leaders[partition];
    if (leader === undefined) throw unknownTopic(topic, partition);
    if (leader < 0) throw new BrokerError(NO_LEADER, `${topic}/${partition}`);
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), index]);
  }
  const offsets = new Array<number>(partitions.length);
  await Promise.all(
    [...byLeader].map(async ([leader, indexes]) => {
      const found = await askLeader(
        cluster,
        leader,
        indexes.map((index) => partitions[index] as TopicPartition),
        place,
      );
      for (const [i, index] of indexes.entries()) offsets[index] = found[i] as number;
    }),
  );
  return offsets;
}

async function askLeader(
  cluster: Cluster,
  leader: number,
  partitions: readonly TopicPartition[],
  place: Place,
): Promise<readonly number[]> {
  const timestamp =
    place === 'start' ? EARLIEST : typeof place === 'string' ? LATEST : BigInt(Math.ceil(place.timestamp));
  const asked = [...new Set(partitions.map(({ topic }) => topic))].map((topic) => ({
    name: cluster.prefixed(topic),
    partitions: partitions
      .filter((at) => at.topic === topic)
      .map(({ partition }) => ({ partitionIndex: partition, currentLeaderEpoch: -1, timestamp })),
  }));
  const connection = await cluster.connection(leader, 'offsets');
  const isolation = place === 'stable' ? READ_COMMITTED : READ_UNCOMMITTED;
  const { topics } = await listOffsetsV7.api.async(connection, CLIENT, isolation, asked);
  const found = new Map(
    topics.flatMap(({ name, partitions: answers }) =>
      answers.map(({ partitionIndex, offset }) => [`${name}/${partitionIndex}`, Number(offset)] as const),
    ),
  );
  return partitions.map(({ topic, partition }) => found.get(`${cluster.prefixed(topic)}/${partition}`) ?? -1);
}
