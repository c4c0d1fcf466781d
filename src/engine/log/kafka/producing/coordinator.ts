import {
  addOffsetsToTxnV3,
  addPartitionsToTxnV3,
  type Connection,
  endTxnV3,
  initProducerIdV4,
  txnOffsetCommitV3,
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

export type CoordinatorOptions = {
  readonly transactionalId: string;
  /** Names the connections, which are the producer's own. */
  readonly purpose: string;
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
  readonly #transactionalId: string;
  readonly #purpose: string;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal;

  constructor(cluster: Cluster, { transactionalId, purpose, timeoutMs, signal }: CoordinatorOptions) {
    this.#cluster = cluster;
    this.#transactionalId = transactionalId;
    this.#purpose = purpose;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
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
        this.#timeoutMs,
        BigInt(identity?.producerId ?? -1),
        identity?.epoch ?? -1,
      ),
    );
    return { producerId: Number(producerId), epoch: producerEpoch };
  }

  /** The partitions take part in the transaction, which begins if it has not. */
  async addPartitions(
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

  /** The group's offsets take part in the transaction, which begins if it has not. */
  async addOffsets({ producerId, epoch }: ProducerIdentity, group: string): Promise<void> {
    await this.#ask('adding offsets', (connection, id) =>
      addOffsetsToTxnV3.api.async(connection, id, BigInt(producerId), epoch, this.#cluster.prefixed(group)),
    );
  }

  /** The group's coordinator keeps the offsets until the transaction ends. */
  async commitOffsets(
    { producerId, epoch }: ProducerIdentity,
    group: string,
    { memberId, generation, instanceId }: KafkaMember,
    offsets: readonly OffsetCommit[],
  ): Promise<void> {
    const topics = committedByTopic(this.#cluster, offsets);
    const ask = (connection: Connection) =>
      txnOffsetCommitV3.api.async(
        connection,
        this.#cluster.prefixed(this.#transactionalId),
        this.#cluster.prefixed(group),
        BigInt(producerId),
        epoch,
        generation,
        memberId,
        instanceId,
        topics,
      );
    await this.#whileUnknown(offsets, (passes) =>
      this.#askCoordinator({ kind: 'group', key: group }, ask, {
        what: `committing offsets of group ${group}`,
        isPassing: passes,
      }),
    );
  }

  /** Asks until there is an answer, however long that takes: what has become of a commit must be known. */
  async commit(identity: ProducerIdentity): Promise<void> {
    await this.#end(identity, true, { timeoutMs: Number.POSITIVE_INFINITY });
  }

  /**
   * Resolves when readers see a transaction that was committed: its coordinator calls it concurrent until every partition has
   * its marker.
   */
  async untilVisible(identity: ProducerIdentity): Promise<void> {
    await this.#end(identity, true);
  }

  async abort(identity: ProducerIdentity, timeoutMs: number): Promise<void> {
    await this.#end(identity, false, { timeoutMs });
  }

  async #end(
    { producerId, epoch }: ProducerIdentity,
    isCommit: boolean,
    options: RetryOptions = {},
  ): Promise<void> {
    await this.#ask(
      isCommit ? 'committing' : 'aborting',
      (connection, id) => endTxnV3.api.async(connection, id, BigInt(producerId), epoch, isCommit),
      options,
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
    const key = this.#transactionalId;
    return this.#askCoordinator(
      { kind: 'transaction', key },
      (connection) => request(connection, this.#cluster.prefixed(key)),
      { ...options, what: `${what}, transactional id ${key}` },
    );
  }

  #askCoordinator<T>(
    coordinated: Coordinated,
    request: (connection: Connection) => Promise<T>,
    { isPassing: passes = isPassing, ...options }: RetryOptions,
  ): Promise<T> {
    return askCoordinator(this.#cluster, { ...coordinated, purpose: this.#purpose }, request, {
      ...options,
      isPassing: (error) => passes(error) || isAway(error),
      // The transaction before is being ended: its markers are written in a few ms.
      isBrief: (error) => errorName(error) === 'CONCURRENT_TRANSACTIONS',
      signal: this.#signal,
    });
  }
}
