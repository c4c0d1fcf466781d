import {
  type Connection,
  FindCoordinatorKeyTypes,
  findCoordinatorV4,
  metadataV12,
  ResponseError,
} from '@platformatic/kafka';
import type { Clock, Logger } from '#platform';
import { logClosed, unknownTopic } from '../../errors.ts';
import { Connections } from './connections.ts';
import { BrokerError, codeName, isPassing } from './kafka-errors.ts';
import type { Address, KafkaOptions } from './kafka-options.ts';
import { retrying } from './retry.ts';

/** A topic as the brokers last described it. */
export type TopicMetadata = {
  /** As the port calls it. */
  readonly name: string;
  readonly kafkaName: string;
  /** A topic deleted and recreated has another. */
  readonly id: string;
  /** The broker that leads each partition; -1 while there is none. */
  readonly leaders: readonly number[];
  readonly leaderEpochs: readonly number[];
  /** Replicas of the partition with the fewest. */
  readonly replicas: number;
};

export type ClusterEnvironment = {
  readonly clock: Clock;
  /** From 0 to 1, for the jitter of back-off. */
  readonly random: () => number;
  readonly logger?: Logger;
};

export type CoordinatorKind = 'group' | 'transaction';
type MetadataResponse = Awaited<ReturnType<typeof metadataV12.api.async>>;

const NO_LEADER = -1;

/** The brokers as one client sees them: who leads which partition, who coordinates what, and the way to each. */
export class Cluster {
  readonly options: KafkaOptions;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger | undefined;
  /** Producers and consumers that are open: they end with the client. */
  readonly opened = new Set<{ close(): Promise<void> }>();
  /** Transactions that this client has committed and readers do not see yet; none rejects. */
  readonly becomingVisible = new Set<Promise<void>>();
  readonly #connections: Connections;
  readonly #closing = new AbortController();
  readonly #brokers = new Map<number, Address>();
  readonly #topics = new Map<string, TopicMetadata>();
  readonly #refreshing = new Map<string, Promise<void>>();
  readonly #coordinators = new Map<string, Promise<number>>();
  #any: Connection | undefined;
  #asked = 0;
  #purposes = 0;
  #clusterId = '';

  constructor(options: KafkaOptions, { clock, random, logger }: ClusterEnvironment) {
    this.options = options;
    this.clock = clock;
    this.random = random;
    this.logger = logger;
    this.#connections = new Connections(options);
  }

  /** What the brokers call themselves together; '' until one has answered. */
  get clusterId(): string {
    return this.#clusterId;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** The name of a topic, group or transactional id on the brokers. */
  prefixed(name: string): string {
    return this.options.prefix + name;
  }

  /** The brokers as of the last metadata. */
  get brokerIds(): readonly number[] {
    return [...this.#brokers.keys()];
  }

  /** The way to a broker, shared by everything that names the same purpose; one that has closed is reopened. */
  async connection(broker: number, purpose: string): Promise<Connection> {
    const address = this.#brokers.get(broker);
    if (address !== undefined) return this.#connections.get(address, purpose);
    await this.refresh([]);
    const found = this.#brokers.get(broker);
    if (found === undefined) throw new BrokerError('BROKER_NOT_AVAILABLE', `broker ${broker} is unknown`);
    return this.#connections.get(found, purpose);
  }

  /** A purpose that nobody else has; `beginning` decides how long its requests may have no answer (see Connections). */
  newPurpose(beginning: string): string {
    return `${beginning}-${this.#purposes++}`;
  }

  /** Ends the connections for a purpose that nobody else has. */
  disconnect(purpose: string): Promise<void> {
    return this.#connections.end(purpose);
  }

  /** Any broker that can be reached, beginning with those that are known to exist. */
  async anyBroker(): Promise<Connection> {
    const addresses = [...this.#brokers.values(), ...this.options.brokers];
    const first = this.#asked;
    let failure: unknown;
    for (let turn = first; turn < first + addresses.length; turn++) {
      try {
        const connection = await this.#connections.get(addresses[turn % addresses.length] as Address, 'any');
        this.#leaveWhenLost(connection, turn);
        return connection;
      } catch (error) {
        if (!isPassing(error)) throw error;
        failure = error;
        this.#asked = turn + 1;
      }
    }
    throw failure;
  }

  /** A broker that takes connections may nonetheless answer nothing: when one has ended it is the next one's turn. */
  #leaveWhenLost(connection: Connection, turn: number): void {
    if (this.#any === connection) return;
    this.#any = connection;
    connection.once('close', () => {
      this.#asked = Math.max(this.#asked, turn + 1);
    });
  }

  cachedTopic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name);
  }

  /** Errors: MR_LOG_UNKNOWN_TOPIC, MR_LOG_UNAVAILABLE. */
  async topic(name: string): Promise<TopicMetadata> {
    const cached = this.#topics.get(name);
    if (cached !== undefined && !cached.leaders.includes(NO_LEADER)) return cached;
    await this.refresh([name]);
    const found = this.#topics.get(name);
    if (found === undefined) throw unknownTopic(name);
    return found;
  }

  /**
   * Asks the brokers again for the topics named, once for all who ask at the same time. Topics that are gone leave the cache;
   * one that was recreated has another id. Errors: MR_LOG_UNAVAILABLE.
   */
  refresh(names: readonly string[]): Promise<void> {
    const key = [...names].sort().join();
    const running = this.#refreshing.get(key);
    if (running !== undefined) return running;
    const refreshing = this.#refresh(names).finally(() => this.#refreshing.delete(key));
    this.#refreshing.set(key, refreshing);
    return refreshing;
  }

  /** The names of all topics that have this client's prefix. Errors: MR_LOG_UNAVAILABLE. */
  async topicNames(): Promise<string[]> {
    const { topics } = await retrying(this, () => this.#metadata(null), { what: 'listing the topics' });
    const { prefix } = this.options;
    return topics.flatMap(({ name, isInternal, errorCode }) =>
      name == null || isInternal || errorCode !== 0 || !name.startsWith(prefix)
        ? []
        : [name.slice(prefix.length)],
    );
  }

  /** The broker that coordinates a group or a transactional id. Errors: MR_LOG_UNAVAILABLE. */
  coordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const name = `${kind}/${key}`;
    const known = this.#coordinators.get(name);
    if (known !== undefined) return known;
    const finding = this.#findCoordinator(kind, key);
    this.#coordinators.set(name, finding);
    finding.catch(() => this.#coordinators.delete(name));
    return finding;
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind}/${key}`);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#connections.close();
  }

  async #findCoordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const type = kind === 'group' ? FindCoordinatorKeyTypes.GROUP : FindCoordinatorKeyTypes.TRANSACTION;
    const what = `finding the coordinator of ${kind} ${key}`;
    // A new broker answers COORDINATOR_NOT_AVAILABLE while it makes the topic that coordination is kept in.
    const { coordinators } = await retrying(
      this,
      async () => findCoordinatorV4.api.async(await this.anyBroker(), type, [this.prefixed(key)]),
      { what },
    );
    const [found] = coordinators;
    if (found === undefined) throw new BrokerError('COORDINATOR_NOT_AVAILABLE', what);
    this.#brokers.set(found.nodeId, { host: found.host, port: found.port });
    return found.nodeId;
  }

  async #refresh(names: readonly string[]): Promise<void> {
    if (this.closed) throw logClosed();
    await retrying(this, () => this.#refreshOnce(names), { what: 'asking for metadata' });
  }

  async #refreshOnce(names: readonly string[]): Promise<void> {
    const { topics } = await this.#metadata(names.map((name) => this.prefixed(name)));
    for (const { name, topicId, errorCode, partitions } of topics) {
      if (name == null) continue;
      const portName = name.slice(this.options.prefix.length);
      const cause = codeName(errorCode);
      if (cause === 'UNKNOWN_TOPIC_OR_PARTITION' || cause === 'INVALID_TOPIC_EXCEPTION') {
        this.#topics.delete(portName);
        continue;
      }
      if (errorCode !== 0) throw new BrokerError(errorCode, `topic ${portName}`);
      const leaders: number[] = [];
      const leaderEpochs: number[] = [];
      const replicas = Math.min(...partitions.map(({ replicaNodes }) => replicaNodes.length));
      for (const partition of partitions) {
        leaders[partition.partitionIndex] = partition.errorCode === 0 ? partition.leaderId : NO_LEADER;
        leaderEpochs[partition.partitionIndex] = partition.leaderEpoch;
      }
      const known = { name: portName, kafkaName: name, id: topicId, leaders, leaderEpochs, replicas };
      this.#topics.set(portName, known);
    }
  }

  /** The answer, with the codes of its topics inside: the library would throw it away for one of them. */
  async #metadata(kafkaNames: readonly string[] | null): Promise<MetadataResponse> {
    const connection = await this.anyBroker();
    let answer: MetadataResponse;
    try {
      answer = await metadataV12.api.async(connection, kafkaNames as string[], false, false);
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error;
      answer = error.response as MetadataResponse;
    }
    this.#clusterId = answer.clusterId ?? '';
    // Those that are gone, or have another address, are not to be tried again.
    this.#brokers.clear();
    for (const { nodeId, host, port } of answer.brokers) this.#brokers.set(nodeId, { host, port });
    return answer;
  }
}
