import { createHash } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import { type Clock, invariant, type Logger } from '#platform';
import type { ValuesOf } from '#platform/configuration';
import { ConfluentRegistry } from './confluent/confluent-registry.ts';
import { parseRegistryUrl } from './confluent/registry-options.ts';
import { type EmbeddedLog, openEmbeddedLog } from './embedded/embedded-log.ts';
import type { KafkaLog, KafkaLogEnvironment } from './kafka/kafka-log.ts';
import { type KafkaOptions, parseKafkaUrl } from './kafka/wire/kafka-options.ts';
import type { LOG_OPTIONS } from './options.ts';
import type { Log } from './port.ts';
import type { SchemaRegistry } from './registry.ts';

/** The options that say which log and which registry, and where. */
export type LogConfiguration = ValuesOf<typeof LOG_OPTIONS> & { readonly data: string };

export type LogEnvironment = {
  readonly clock: Clock;
  /** From 0 to 1, for the jitter of back-off. */
  readonly random: () => number;
  readonly logger: Logger;
  /** From `connect` of this process's log, for another thread of it; see EmbeddedLog. */
  readonly connection?: MessagePort | undefined;
};

/** A log with its registry, whatever they are. */
export type OpenedLog = {
  readonly log: Log;
  readonly registry: SchemaRegistry;
  /** The same for every opening of one log, and for no other: what a process derives from a log it keeps apart by it. */
  readonly identity: string;
  /**
   * What there is for the embedded log alone: it has no server that would clean it, and the threads of a process share
   * its writer. Undefined on Kafka, where brokers clean and every thread has connections of its own.
   */
  readonly embedded: Pick<EmbeddedLog, 'check' | 'clean' | 'scrub' | 'connect'> | undefined;
  /** Whether records past a topic's retention by the wall clock go, however old the topic's newest one is. */
  readonly expiresByWallClock: boolean;
  close(): Promise<void>;
};

const EMBEDDED = 'embedded';

/**
 * Opens the log and the registry that the configuration chooses; only what is chosen is loaded. Errors: those of
 * openEmbeddedLog; MR_KAFKA_URL, MR_KAFKA_LOGIN, MR_LOG_UNAVAILABLE; MR_SCHEMA_REGISTRY_URL.
 */
export async function openLog(
  configuration: LogConfiguration,
  environment: LogEnvironment,
): Promise<OpenedLog> {
  const registry = openRegistry(configuration, environment);
  if (configuration.log !== EMBEDDED) return openOnKafka(configuration, environment, registry);
  const { clock, logger, connection } = environment;
  const directory = configuration.data;
  const log = await openEmbeddedLog({ directory, clock, logger, ...(connection && { connection }) });
  return {
    log,
    registry: registry ?? log.registry,
    identity: EMBEDDED,
    embedded: log,
    expiresByWallClock: false,
    close: () => closeBoth(log, registry),
  };
}

function openRegistry(
  { registry, schemaRegistry }: LogConfiguration,
  environment: LogEnvironment,
): ConfluentRegistry | undefined {
  if (registry === EMBEDDED) return undefined;
  return new ConfluentRegistry(parseRegistryUrl(registry, schemaRegistry), environment);
}

async function openOnKafka(
  { log: url, kafka }: LogConfiguration,
  { clock, random, logger }: LogEnvironment,
  registry: ConfluentRegistry | undefined,
): Promise<OpenedLog> {
  invariant(registry !== undefined, 'a log on Kafka has a registry that other machines can ask');
  const options = parseKafkaUrl(url, kafka);
  const log = await openKafkaLog(options, { clock, random, logger });
  return {
    log,
    registry,
    identity: `kafka-${shortHash(`${log.clusterId} ${options.prefix}`)}`,
    embedded: undefined,
    expiresByWallClock: options.retention === 'topic',
    close: () => closeBoth(log, registry),
  };
}

/** The log on Kafka; its code is loaded on first use. Errors: MR_LOG_UNAVAILABLE, MR_KAFKA_LOGIN. */
export async function openKafkaLog(
  options: KafkaOptions,
  environment: KafkaLogEnvironment,
): Promise<KafkaLog> {
  const kafka = await import('./kafka/kafka-log.ts');
  return kafka.openKafkaLog(options, environment);
}

async function closeBoth(log: Log, registry: ConfluentRegistry | undefined): Promise<void> {
  await registry?.close();
  await log.close();
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
