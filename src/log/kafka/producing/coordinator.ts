import {
  addOffsetsToTxnV3,
  addPartitionsToTxnV3,
  type Connection,
  initProducerIdV4,
} from '@platformatic/kafka';
import type { OffsetCommit, TopicPartition } from '../../port.ts';
import { committedByTopic, type KafkaMember } from '../groups/offsets.ts';
import { askCoordinator, type Coordinated } from '../wire/ask-coordinator.ts';
import type { Cluster } from '../wire/cluster.ts';
import { errorName, isPassing } from '../wire/kafka-errors.ts';
import { assertKnown, UNKNOWN_TOPIC_MS } from '../wire/leaders.ts';
import type { RetryOptions } from '../wire/retry.ts';
import { isAway } from './outcome.ts';
import type { ProducerIdentity } from './partition-queue.ts';
import type { TransactionProtocol } from './transaction-protocol.ts';

/** About as long as the markers of a transaction take, ms: to ask sooner would only hold them up. */
const MARKERS_MS = 3;
/**
 * For how long an end is asked for again where the broker fails with an error of its own, ms. Kafka 4.1 does so on the end of
 * a producer that another one is just fencing (PREPARE_COMMIT while PREPARE_EPOCH_FENCE is pending); then it says who is fenced.
 */
const BROKER_ERROR_MS = 3_000;

export type CoordinatorOptions = {
  readonly transactionalId: string;
  readonly protocol: TransactionProtocol;
  /** Names the connections, which are the producer's own. */
  readonly purpose: string;
  /** Names the connections that carry records; offsets use them too. */
  readonly producePurpose: string;
  /** For how long a transaction may be open before the brokers abort it. */
  readonly timeoutMs: number;
  /** Ends what is under way, with MR_LOG_CLOSED. */
  readonly signal: AbortSignal;
};

/**
 * A transactional id's requests to the brokers that coordinate its transactions and its groups: each is repeated while it
 * fails for a passing reason, and may be, for all of them are idempotent. A refusal is thrown as the library's error.
 */
export class TransactionCoordinator {
  readonly #cluster: Cluster;
  readonly #options: CoordinatorOptions;

  constructor(cluster: Cluster, options: CoordinatorOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  /**
   * Without `identity`: takes the transactional id over, which ends what an earlier producer has left open, and fences it.
   * With it: the next epoch of the same producer, or PRODUCER_FENCED when another has taken over (KIP-360).
   */
  async initProducerId(identity?: ProducerIdentity): Promise<ProducerIdentity> {
    const { producerId, producerEpoch } = await this.#ask('opening', (connection, id) =>
      initProducerIdV4.api.async(
        connection,
        id,
        this.#options.timeoutMs,
        BigInt(identity?.producerId ?? -1),
        identity?.epoch ?? -1,
      ),
    );
    return { producerId: Number(producerId), epoch: producerEpoch };
  }

  /**
   * Partitions and groups take part in the transaction, which begins if it has not. Where the protocol wants it they are
   * announced, in requests that follow each other on one connection.
   */
  async announce(
    identity: ProducerIdentity,
    partitions: readonly TopicPartition[],
    groups: ReadonlySet<string>,
  ): Promise<void> {
    if (!this.#options.protocol.announces) return;
    await Promise.all([
      partitions.length > 0 && this.#addPartitions(identity, partitions),
      ...Array.from(groups, (group) => this.#addOffsets(identity, group)),
    ]);
  }

  async #addPartitions(
    { producerId, epoch }: ProducerIdentity,
    partitions: readonly TopicPartition[],
  ): Promise<void> {
    const topics = Array.from(
      Map.groupBy(partitions, ({ topic }) => topic),
      ([topic, all]) => ({
        name: this.#cluster.prefixed(topic),
        partitions: all.map(({ partition }) => partition),
      }),
    );
    await this.#whileUnknown(partitions, (passes) =>
      this.#ask(
        'adding partitions',
        (connection, transactionalId) =>
          addPartitionsToTxnV3.api.async(connection, [
            {
              transactionalId,
              producerId: BigInt(producerId),
              producerEpoch: epoch,
              verifyOnly: false,
              topics,
            },
          ]),
        { isPassing: passes },
      ),
    );
  }

  async #addOffsets({ producerId, epoch }: ProducerIdentity, group: string): Promise<void> {
    await this.#ask('adding offsets', (connection, id) =>
      addOffsetsToTxnV3.api.async(connection, id, BigInt(producerId), epoch, this.#cluster.prefixed(group)),
    );
  }

  /**
   * The group's coordinator keeps the offsets until the transaction ends. `isWanted` tells whether to try again. A broker that
   * asks the transaction's coordinator about records and offsets at once fails one of them (NOT_ENOUGH_REPLICAS): the request
   * goes behind the records, on their connection, whose requests a broker takes one after the other.
   */
  async commitOffsets(
    { producerId, epoch }: ProducerIdentity,
    group: string,
    { memberId, generation, instanceId }: KafkaMember,
    offsets: readonly OffsetCommit[],
    isWanted: () => boolean,
  ): Promise<void> {
    const { producePurpose, protocol, transactionalId } = this.#options;
    const topics = committedByTopic(this.#cluster, offsets);
    const ask = (connection: Connection) =>
      protocol.commitOffsets.async(
        connection,
        this.#cluster.prefixed(transactionalId),
        this.#cluster.prefixed(group),
        BigInt(producerId),
        epoch,
        generation,
        memberId,
        instanceId,
        topics,
      );
    await this.#whileUnknown(offsets, (passes) =>
      this.#askCoordinator({ kind: 'group', key: group, purpose: producePurpose }, ask, {
        what: `committing offsets of group ${group}`,
        isPassing: (error) => isWanted() && (passes(error) || isAway(error)),
      }),
    );
  }

  /**
   * Asks until there is an answer, however long that takes: the outcome of a commit must be known. Returns the producer id
   * and epoch to continue with.
   */
  commit(identity: ProducerIdentity): Promise<ProducerIdentity> {
    return this.#end(identity, true, { timeoutMs: Number.POSITIVE_INFINITY });
  }

  /**
   * Resolves when readers see a transaction that was committed: its coordinator calls it concurrent until every partition has
   * its marker.
   */
  async untilVisible(identity: ProducerIdentity): Promise<void> {
    await this.#cluster.clock.sleep(MARKERS_MS, this.#options.signal);
    await this.#end(identity, true);
  }

  /** Returns the producer id and epoch to continue with. */
  abort(identity: ProducerIdentity, timeoutMs: number): Promise<ProducerIdentity> {
    return this.#end(identity, false, { timeoutMs });
  }

  #end(identity: ProducerIdentity, isCommit: boolean, options: RetryOptions = {}): Promise<ProducerIdentity> {
    const { clock } = this.#cluster;
    const until = clock.monotonic() + BROKER_ERROR_MS;
    const isBrokerError = (error: unknown) => errorName(error) === 'UNKNOWN_SERVER_ERROR';
    return this.#ask(
      isCommit ? 'committing' : 'aborting',
      (connection, id) => this.#options.protocol.end(connection, id, identity, isCommit),
      {
        ...options,
        isPassing: (error) => (isBrokerError(error) ? clock.monotonic() < until : isPassing(error)),
      },
    );
  }

  /** A broker may not have heard of a topic that is new; of one that is gone, none has: MR_LOG_UNKNOWN_TOPIC. */
  async #whileUnknown<T>(
    partitions: readonly TopicPartition[],
    work: (passes: (error: unknown) => boolean) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.#cluster;
    const until = clock.monotonic() + UNKNOWN_TOPIC_MS;
    const isUnknown = (error: unknown) => errorName(error) === 'UNKNOWN_TOPIC_OR_PARTITION';
    try {
      return await work((error) => (isUnknown(error) ? clock.monotonic() < until : isPassing(error)));
    } catch (error) {
      if (!isUnknown(error)) throw error;
      await this.#cluster.refresh([...new Set(partitions.map(({ topic }) => topic))]);
      for (const at of partitions) await assertKnown(this.#cluster, at);
      throw error;
    }
  }

  #ask<T>(
    what: string,
    request: (connection: Connection, transactionalId: string) => Promise<T>,
    options: RetryOptions = {},
  ): Promise<T> {
    const { isPassing: passes = isPassing, ...others } = options;
    const { purpose, transactionalId: key } = this.#options;
    return this.#askCoordinator(
      { kind: 'transaction', key, purpose },
      (connection) => request(connection, this.#cluster.prefixed(key)),
      {
        ...others,
        isPassing: (error) => passes(error) || isAway(error),
        what: `${what}, transactional id ${key}`,
      },
    );
  }

  #askCoordinator<T>(
    coordinated: Coordinated,
    request: (connection: Connection) => Promise<T>,
    options: RetryOptions,
  ): Promise<T> {
    return askCoordinator(this.#cluster, coordinated, request, {
      ...options,
      // The transaction before is being ended: its markers are written in a few ms.
      isBrief: (error) => errorName(error) === 'CONCURRENT_TRANSACTIONS',
      signal: this.#options.signal,
    });
  }
}
