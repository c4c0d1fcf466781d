import { ConfigResourceTypes, describeConfigsV4 } from '@platformatic/kafka';
import type { Cleanup } from '../../port.ts';
import { MAX_RECORD_BYTES } from '../../record-size.ts';
import type { Cluster } from '../wire/cluster.ts';
import { retrying } from '../wire/retry.ts';

type Config = { readonly name: string; readonly value: string };

const FOR_EVER = '-1';
const UNLIMITED = '-1';
/** Beside its key and value, a record has headers, and its batch a frame. */
const BATCH_ROOM_BYTES = 1024 * 1024;
const LARGEST_INT64 = '9223372036854775807';
const described = [
  ...['cleanup.policy', 'retention.ms', 'retention.bytes', 'delete.retention.ms', 'message.timestamp.type'],
];
/** Timestamps are event time, whenever the brokers get a record. */
const eventTime: Config = { name: 'message.timestamp.type', value: 'CreateTime' };

/** What a topic is created with. */
export function topicConfigs(cluster: Cluster, cleanup: Cleanup): Config[] {
  return [
    ...cleanupConfigs(cluster, cleanup),
    eventTime,
    // Those of windows and timers lie ahead of the brokers' clocks.
    { name: 'message.timestamp.after.max.ms', value: LARGEST_INT64 },
    { name: 'max.message.bytes', value: String(MAX_RECORD_BYTES + BATCH_ROOM_BYTES) },
  ];
}

function cleanupConfigs({ options }: Cluster, cleanup: Cleanup): Config[] {
  if (cleanup.policy === 'compact') {
    return [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'delete.retention.ms', value: String(cleanup.tombstoneRetentionMs) },
    ];
  }
  const keeps = cleanup.retentionMs === null || options.retention === 'none';
  return [
    { name: 'cleanup.policy', value: 'delete' },
    { name: 'retention.ms', value: keeps ? FOR_EVER : String(cleanup.retentionMs) },
    // The brokers' default may be less than what comes in that time.
    { name: 'retention.bytes', value: UNLIMITED },
  ];
}

/** How a topic's configuration differs from the one wanted, as [has, wanted]; undefined when it does not. */
export function configMismatch(
  cluster: Cluster,
  has: ReadonlyMap<string, string>,
  wanted: Cleanup,
): readonly [string, string] | undefined {
  const configs = [...cleanupConfigs(cluster, wanted), eventTime];
  const different = configs.filter(({ name, value }) => has.get(name) !== value);
  if (different.length === 0) return undefined;
  const text = (value: (config: Config) => string | undefined) =>
    different.map((config) => `${config.name}=${value(config)}`).join(', ');
  return [text(({ name }) => has.get(name)), text(({ value }) => value)];
}

export function cleanupOf(configs: ReadonlyMap<string, string>): Cleanup {
  if (configs.get('cleanup.policy')?.includes('compact') === true) {
    return { policy: 'compact', tombstoneRetentionMs: Number(configs.get('delete.retention.ms')) };
  }
  const retention = configs.get('retention.ms');
  return { policy: 'delete', retentionMs: retention === FOR_EVER ? null : Number(retention) };
}

/** What the brokers say of the topics' cleanup, by name. Errors: MR_LOG_UNAVAILABLE, and the brokers' refusals. */
export async function describeConfigs(
  cluster: Cluster,
  names: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  if (names.length === 0) return new Map();
  const resources = names.map((name) => ({
    resourceType: ConfigResourceTypes.TOPIC,
    resourceName: cluster.prefixed(name),
    configurationKeys: described,
  }));
  const { results } = await retrying(
    cluster,
    async () => describeConfigsV4.api.async(await cluster.anyBroker(), resources, false, false),
    { what: 'asking for the configuration of topics' },
  );
  const { length } = cluster.options.prefix;
  return new Map(
    results.map(({ resourceName, configs }) => [
      resourceName.slice(length),
      new Map(configs.map(({ name, value }) => [name, value ?? ''])),
    ]),
  );
}

const compacted = new WeakMap<Cluster, Map<string, Promise<boolean>>>();

/** Whether every record of the topic needs a key; asked once for each topic, by its id. */
export async function isCompacted(cluster: Cluster, name: string): Promise<boolean> {
  const { id } = await cluster.topic(name);
  const known = compacted.get(cluster) ?? new Map<string, Promise<boolean>>();
  compacted.set(cluster, known);
  let asking = known.get(id);
  if (asking === undefined) {
    asking = describeConfigs(cluster, [name]).then(
      (configs) => cleanupOf(configs.get(name) ?? new Map()).policy === 'compact',
    );
    known.set(id, asking);
    asking.catch(() => known.delete(id));
  }
  return asking;
}
