import type { Clock } from '#platform';
import { type Coordinator, joinGroup } from '../membership.ts';
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
import type { SchemaRegistry } from '../registry.ts';
import { Broker } from './broker.ts';
import { Client, type Delay, type Network } from './client.ts';
import { SimulatedConsumer } from './consumer.ts';
import { SimulatedProducer, SimulatedTransactionalProducer } from './producers.ts';
import { Schemas, SimulatedRegistry } from './simulated-registry.ts';

export type SimulatedLogOptions = {
  readonly clock: Clock;
  /** Uniform in [0, 1): decides every delay; seeded, it makes a run repeatable. */
  readonly random: () => number;
  /** A message takes up to this long each way; 2 ms. */
  readonly maxDelayMs?: number;
};

export interface Faults {
  /** The next appends, `count` of them, transactional or not, fail with RetryableError MR_LOG_UNAVAILABLE. */
  failNextAppends(count?: number): void;
  /**
   * The partition loses every batch that reaches beyond `offset`, as after the failure of a broker that had not
   * flushed it. Offsets are given out again; a reader beyond the new end gets MR_LOG_OFFSET_OUT_OF_RANGE.
   */
  loseTail(partition: TopicPartition, offset: number): void;
  /** The member is out of its group, as if it had been silent for its session. */
  expel(group: string, memberId: string): void;
  /** From now on a message takes up to this long each way. */
  delayMessages(maxDelayMs: number): void;
  /** From now on this share of requests and polls fails with RetryableError MR_LOG_UNAVAILABLE, having done nothing. */
  failRequests(share: number): void;
  /** From now on this share of requests arrives twice: the first reply was lost. */
  repeatRequests(share: number): void;
  /**
   * Remembers what is committed at this moment; the function that it gives brings the log back to it, as a restored copy
   * or a lost disk cache does: later records and offsets are gone, open transactions are aborted. Undefined while a
   * transaction shows in some partitions and not yet in others.
   */
  checkpoint(): (() => void) | undefined;
}

export type ConnectOptions = {
  /** The clock of the process that connects; what comes back to it waits by this clock. The log's own where absent. */
  readonly clock?: Clock;
};

/** A client of a simulated log. */
export interface SimulatedLog extends Log {
  readonly registry: SchemaRegistry;
  readonly faults: Faults;
  /** Another client of the same log: another process. */
  connect(options?: ConnectOptions): SimulatedLog;
  /** Ends this client as a crash would: calls fail, and its open transactions stay open. Its last request may arrive. */
  kill(inFlight?: 'is-lost' | 'arrives'): void;
  /** Grows with everything that is written: a log whose number stands still is at rest. */
  readonly writes: number;
  /** Retention and compaction, over all topics. */
  clean(): { readonly expiredBatches: number; readonly compactedRecords: number };
}

/** A log in memory with Kafka's manners: see the door of this room. */
export function openSimulatedLog(options: SimulatedLogOptions): SimulatedLog {
  const { clock, random } = options;
  const network: Network = { random, maxDelayMs: options.maxDelayMs ?? 2, failing: 0, repeating: 0 };
  const delayBy = (by: Clock): Delay => {
    return async () => {
      const ms = random() * network.maxDelayMs;
      if (ms > 0) await by.sleep(ms);
    };
  };
  const delay = delayBy(clock);
  const broker = new Broker(clock, delay);
  return new MemoryLog({ clock, delay, delayBy, network, broker, schemas: new Schemas() });
}

/** What the clients of one log share. */
type Cluster = {
  readonly clock: Clock;
  readonly delay: Delay;
  readonly delayBy: (clock: Clock) => Delay;
  readonly network: Network;
  readonly broker: Broker;
  readonly schemas: Schemas;
};

class MemoryLog implements SimulatedLog {
  readonly registry: SchemaRegistry;
  readonly faults: Faults;
  readonly #cluster: Cluster;
  readonly #client: Client;
  readonly #coordinator: Coordinator;
  readonly #producers = new Set<SimulatedProducer>();

  constructor(cluster: Cluster, options: ConnectOptions = {}) {
    const { broker, clock, delay, delayBy, network, schemas } = cluster;
    this.#cluster = cluster;
    const delayBack = options.clock === undefined ? delay : delayBy(options.clock);
    this.#client = new Client(broker, network, delay, delayBack);
    this.registry = new SimulatedRegistry(schemas, this.#client);
    this.#coordinator = makeCoordinator(this.#client, broker, clock);
    this.faults = {
      failNextAppends: (count = 1) => broker.failNextAppends(count),
      loseTail: (at, offset) => {
        broker.partition(at).loseTail(offset);
        broker.notify();
      },
      expel: (group, memberId) => {
        broker.coordinate({ kind: 'leave', group, memberId, generation: null, now: clock.now() });
      },
      delayMessages: (maxDelayMs) => {
        network.maxDelayMs = maxDelayMs;
      },
      failRequests: (share) => {
        network.failing = share;
      },
      repeatRequests: (share) => {
        network.repeating = share;
      },
      checkpoint: () => broker.checkpoint(),
    };
  }

  createTopics(specs: readonly TopicSpec[]): Promise<void> {
    return this.#client.call((broker) => broker.createTopics(specs));
  }

  deleteTopics(names: readonly string[]): Promise<void> {
    return this.#client.call((broker) => broker.deleteTopics(names));
  }

  describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]> {
    return this.#client.call((broker) => broker.describe(names));
  }

  offsetForTimestamp(at: TopicPartition, timestamp: number): Promise<number> {
    return this.#client.call((broker) => broker.partition(at).offsetForTimestamp(timestamp));
  }

  async producer(): Promise<Producer> {
    this.#client.assertOpen();
    const producer = new SimulatedProducer(this.#client);
    this.#producers.add(producer);
    return producer;
  }

  async transactionalProducer(transactionalId: string): Promise<TransactionalProducer> {
    const epoch = await this.#client.call((broker) => broker.beginProducer(transactionalId));
    return new SimulatedTransactionalProducer(this.#client, transactionalId, epoch);
  }

  async consumer(options: ConsumerOptions = {}): Promise<Consumer> {
    this.#client.assertOpen();
    return new SimulatedConsumer(this.#client, this.#cluster.broker, this.#cluster.clock, options);
  }

  async joinGroup(options: JoinOptions): Promise<Membership> {
    return joinGroup(this.#coordinator, options);
  }

  /** Waits, as Kafka does with requireStable, until no open transaction may still move the offsets. */
  async committedOffsets(
    group: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (OffsetCommit | undefined)[]> {
    for (;;) {
      const committed = await this.#client.call((broker) => broker.committed(group, partitions));
      if (committed !== undefined) return committed;
      await this.#client.changed(RECHECK_MS, this.#client.ended);
    }
  }

  groups(): Promise<readonly string[]> {
    return this.#client.call((broker) => broker.groupNames);
  }

  commitOffsets(group: GroupMetadata, offsets: readonly OffsetCommit[]): Promise<void> {
    return this.#client.call((broker) => broker.commitOffsets(group, offsets));
  }

  connect(options: ConnectOptions = {}): SimulatedLog {
    return new MemoryLog(this.#cluster, options);
  }

  kill(inFlight: 'is-lost' | 'arrives' = 'is-lost'): void {
    this.#client.kill(inFlight);
  }

  get writes(): number {
    return this.#cluster.broker.writes;
  }

  clean(): { readonly expiredBatches: number; readonly compactedRecords: number } {
    return this.#cluster.broker.clean();
  }

  async close(): Promise<void> {
    if (!this.#client.closed) for (const producer of this.#producers) await producer.close();
    await this.#client.close();
  }
}

/** How often a reader of offsets looks whether a transaction has timed out meanwhile. */
const RECHECK_MS = 1000;

function makeCoordinator(client: Client, broker: Broker, clock: Clock): Coordinator {
  const send: Coordinator['send'] = (request) => client.call(() => broker.coordinate(request));
  return {
    now: () => clock.now(),
    send,
    heartbeat: (group, memberId, generation) =>
      send({ kind: 'heartbeat', group, memberId, generation, now: clock.now() }),
    changed: async (group, revision, timeoutMs) => {
      const until = clock.monotonic() + timeoutMs;
      for (;;) {
        client.assertOpen();
        const remainingMs = until - clock.monotonic();
        if (remainingMs <= 0 || broker.groupRevision(group) !== revision) return;
        if ((await client.changed(remainingMs, client.ended)) === 'timeout') return;
      }
    },
  };
}
