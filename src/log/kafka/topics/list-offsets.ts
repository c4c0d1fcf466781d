import { listOffsetsV7 } from '@platformatic/kafka';
import type { TopicPartition } from '../../port.ts';
import type { Cluster } from '../wire/cluster.ts';
import { errorName, isPassing, translatedError } from '../wire/kafka-errors.ts';
import { leaderOf } from '../wire/leaders.ts';
import { retrying } from '../wire/retry.ts';

/** Which offset of a partition: its first, its last stable one, its end, or the first at or after a time (ms). */
export type Place = 'start' | 'stable' | 'end' | { readonly timestamp: number };

const EARLIEST = -2n;
const LATEST = -1n;
const CLIENT = -1;
const READ_COMMITTED = 1;
const READ_UNCOMMITTED = 0;

/**
 * The offset of each partition, in the order requested; -1 if no record is as late as the time. Errors: MR_LOG_UNKNOWN_TOPIC,
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
  const leaders = await Promise.all(partitions.map((at) => leaderOf(cluster, at)));
  const byLeader = Map.groupBy(partitions, (_, i) => leaders[i] as number);
  const answers = await Promise.all(
    Array.from(byLeader, ([leader, led]) => askLeader(cluster, leader, led, place)),
  );
  const found = new Map(answers.flat());
  return partitions.map(({ topic, partition }) => found.get(`${cluster.prefixed(topic)}/${partition}`) ?? -1);
}

/** Each offset by the name of its partition on the brokers. */
async function askLeader(
  cluster: Cluster,
  leader: number,
  partitions: readonly TopicPartition[],
  place: Place,
): Promise<readonly (readonly [string, number])[]> {
  const timestamp =
    place === 'start' ? EARLIEST : typeof place === 'string' ? LATEST : BigInt(Math.ceil(place.timestamp));
  const asked = Array.from(
    Map.groupBy(partitions, ({ topic }) => topic),
    ([topic, all]) => ({
      name: cluster.prefixed(topic),
      partitions: all.map(({ partition }) => ({
        partitionIndex: partition,
        currentLeaderEpoch: -1,
        timestamp,
      })),
    }),
  );
  const connection = await cluster.connection(leader, 'offsets');
  const isolation = place === 'stable' ? READ_COMMITTED : READ_UNCOMMITTED;
  const { topics } = await listOffsetsV7.api.async(connection, CLIENT, isolation, asked);
  return topics.flatMap(({ name, partitions: answers }) =>
    answers.map(({ partitionIndex, offset }) => [`${name}/${partitionIndex}`, Number(offset)] as const),
  );
}
