import { createTopicsV7, deleteTopicsV6 } from '@platformatic/kafka';
import { invalidTopic, topicMismatch, unknownTopic } from '../../errors.ts';
import type { PartitionOffsets, TopicDescription, TopicPartition, TopicSpec } from '../../port.ts';
import type { Cluster } from '../wire/cluster.ts';
import { BrokerError, brokersWords, errorName, translatedError } from '../wire/kafka-errors.ts';
import { retrying } from '../wire/retry.ts';
import { listOffsets } from './list-offsets.ts';
import { cleanupOf, configMismatch, describeConfigs, topicConfigs } from './topic-configs.ts';

/** Shorter than a client waits for an answer, ms. What was begun goes on, and is met again by the next try. */
const BROKER_TIMEOUT_MS = 10_000;
const LONGEST_NAME = 249;

/** As Log.createTopics. */
export async function createTopics(cluster: Cluster, specs: readonly TopicSpec[]): Promise<void> {
  for (const spec of specs) checkSpec(cluster, spec);
  const wanted = [...new Map(specs.map((spec) => [spec.name, spec])).values()];
  const names = wanted.map(({ name }) => name);
  await cluster.refresh(names);
  await checkShapes(
    cluster,
    specs.filter(({ name }) => cluster.cachedTopic(name) !== undefined),
  );
  const isLed = (name: string) => cluster.cachedTopic(name)?.leaders.every((leader) => leader >= 0) === true;
  if (names.every(isLed)) return;
  for (const spec of wanted) {
    if (cluster.cachedTopic(spec.name) === undefined) await createTopic(cluster, spec);
  }
  // Creation is answered before every broker has heard of it.
  await until(cluster, names, 'waiting for the leaders of new topics', isLed);
  // Another client may have created one meanwhile, in another shape.
  await checkShapes(cluster, specs);
}

/** As Log.describeTopics. */
export async function describeTopics(
  cluster: Cluster,
  names?: readonly string[],
): Promise<readonly TopicDescription[]> {
  const asked = names ?? (await cluster.topicNames());
  await cluster.refresh(asked);
  for (const name of asked) if (cluster.cachedTopic(name) === undefined) throw unknownTopic(name);
  try {
    const [configs, offsets] = await Promise.all([
      describeConfigs(cluster, asked),
      partitionOffsets(cluster, asked),
    ]);
    return asked.map((name) => ({
      name,
      partitions: offsets.get(name)?.length ?? 0,
      cleanup: cleanupOf(configs.get(name) ?? new Map()),
      offsets: offsets.get(name) ?? [],
    }));
  } catch (error) {
    throw translatedError(error, 'describing topics');
  }
}

/** As Log.deleteTopics. */
export async function deleteTopics(cluster: Cluster, names: readonly string[]): Promise<void> {
  await cluster.refresh(names);
  for (const name of names) if (cluster.cachedTopic(name) === undefined) throw unknownTopic(name);
  const topics = names.map((name) => ({ name: cluster.prefixed(name), topicId: null }));
  try {
    await retrying(
      cluster,
      async () => deleteTopicsV6.api.async(await cluster.anyBroker(), topics, BROKER_TIMEOUT_MS),
      { what: 'deleting topics' },
    );
  } catch (error) {
    // A request tried again may find that the lost one was done.
    if (errorName(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw translatedError(error, 'deleting topics');
  }
  await until(cluster, names, 'deleting topics', (name) => cluster.cachedTopic(name) === undefined);
}

function checkSpec({ options }: Cluster, { name, partitions }: TopicSpec): void {
  const longest = LONGEST_NAME - options.prefix.length;
  if (!/^[a-zA-Z0-9._-]+$/.test(name) || name.length > longest || name === '.' || name === '..') {
    throw invalidTopic(name, `the name is invalid, or longer than ${longest}`);
  }
  if (!Number.isInteger(partitions) || partitions < 1)
    throw invalidTopic(name, `it can't have ${partitions} partitions`);
}

async function checkShapes(cluster: Cluster, specs: readonly TopicSpec[]): Promise<void> {
  const configs = await describeConfigs(cluster, [...new Set(specs.map(({ name }) => name))]);
  for (const { name, partitions, cleanup } of specs) {
    const { leaders, replicas } = await cluster.topic(name);
    const { replication } = cluster.options;
    if (leaders.length !== partitions)
      throw topicMismatch(name, `${leaders.length} partitions`, `${partitions}`);
    if (replicas < replication) throw topicMismatch(name, `${replicas} replicas`, `${replication}`);
    const mismatch = configMismatch(cluster, configs.get(name) ?? new Map(), cleanup);
    if (mismatch !== undefined) throw topicMismatch(name, ...mismatch);
  }
}

async function createTopic(cluster: Cluster, { name, partitions, cleanup }: TopicSpec): Promise<void> {
  const request = {
    name: cluster.prefixed(name),
    numPartitions: partitions,
    replicationFactor: cluster.options.replication,
    assignments: [],
    configs: topicConfigs(cluster, cleanup),
  };
  const what = `creating topic ${name}`;
  try {
    await retrying(
      cluster,
      async () => createTopicsV7.api.async(await cluster.anyBroker(), [request], BROKER_TIMEOUT_MS, false),
      { what },
    );
  } catch (error) {
    const refusal = errorName(error);
    // A name may be too near to that of another topic.
    if (refusal === 'INVALID_TOPIC_EXCEPTION') throw invalidTopic(name, brokersWords(error) ?? refusal);
    if (refusal !== 'TOPIC_ALREADY_EXISTS') throw translatedError(error, what);
  }
}

async function until(
  cluster: Cluster,
  names: readonly string[],
  what: string,
  holds: (name: string) => boolean,
): Promise<void> {
  await retrying(
    cluster,
    async () => {
      await cluster.refresh(names);
      if (!names.every(holds)) throw new BrokerError('LEADER_NOT_AVAILABLE', what);
    },
    { what },
  );
}

async function partitionOffsets(
  cluster: Cluster,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly PartitionOffsets[]>> {
  const partitions: TopicPartition[] = [];
  for (const topic of names) {
    const { leaders } = await cluster.topic(topic);
    partitions.push(...leaders.map((_, partition) => ({ topic, partition })));
  }
  // Who has committed something, and asks up to where to read, is to find it.
  await Promise.all(cluster.becomingVisible);
  const [start, stable, end] = await Promise.all([
    listOffsets(cluster, partitions, 'start'),
    listOffsets(cluster, partitions, 'stable'),
    listOffsets(cluster, partitions, 'end'),
  ]);
  const offsets = new Map<string, PartitionOffsets[]>(names.map((name) => [name, []]));
  for (const [i, { topic }] of partitions.entries()) {
    offsets
      .get(topic)
      ?.push({ start: start[i] as number, stable: stable[i] as number, end: end[i] as number });
  }
  return offsets;
}
