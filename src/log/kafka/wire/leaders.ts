import { unknownTopic } from '../../errors.ts';
import type { TopicPartition } from '../../port.ts';
import type { Cluster } from './cluster.ts';
import { BrokerError } from './kafka-errors.ts';

/** A topic that the brokers don't know for this long is gone, and not just new or on its way to another broker. */
export const UNKNOWN_TOPIC_MS = 3_000;

/** The broker that leads the partition. Errors: MR_LOG_UNKNOWN_TOPIC, MR_LOG_UNAVAILABLE; LEADER_NOT_AVAILABLE of brokers. */
export async function leaderOf(cluster: Cluster, { topic, partition }: TopicPartition): Promise<number> {
  const leader = (await cluster.topic(topic)).leaders[partition];
  if (leader === undefined) throw unknownTopic(topic, partition);
  if (leader < 0) throw new BrokerError('LEADER_NOT_AVAILABLE', `${topic}/${partition}`);
  return leader;
}

/** By what the client knows already, where it knows the topic. Errors: MR_LOG_UNKNOWN_TOPIC, MR_LOG_UNAVAILABLE. */
export async function assertKnown(cluster: Cluster, { topic, partition }: TopicPartition): Promise<void> {
  const { leaders } = cluster.cachedTopic(topic) ?? (await cluster.topic(topic));
  if (leaders[partition] === undefined) throw unknownTopic(topic, partition);
}
