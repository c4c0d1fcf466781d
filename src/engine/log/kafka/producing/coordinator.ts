import {
  addOffsetsToTxnV3,
  addPartitionsToTxnV3,
  type Connection,
  endTxnV3,
  initProducerIdV4,
  MultipleErrors,
  txnOffsetCommitV3,
} from '@platformatic/kafka';
import { logClosed, unknownTopic } from '../../errors.ts';
import type { OffsetCommit, TopicPartition } from '../../port.ts';
import type { Cluster } from '../wire/cluster.ts';
import { errorName, isPassing, unavailable } from '../wire/kafka-errors.ts';
import { isAway } from './outcome.ts';
import type { ProducerIdentity } from './partition-queue.ts';

/** A group's member as the brokers know it. */
export type BrokerMember = {
  readonly memberId: string;
  readonly generation: number;
  readonly instanceId: string | null;
};

export type CoordinatorOptions = {
  readonly transactionalId: string;
  /** Names the connections, which are the producer's own. */
  readonly purpose: string;
  /** For how long a transaction may be open before the brokers abort it. */
  readonly timeoutMs: number;
  /** Ends what is under way, with MR_LOG_CLOSED. */
  readonly signal: AbortSignal;
};

const REQUEST_TIMEOUT_MS = 60_000;
/** A topic that the brokers don't know for this long is gone, and not just new. */
const UNKNOWN_TOPIC_MS = 3_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;
/** The transaction before is being ended: its markers are written in a few ms. */
const LONGEST_PAUSE_OF_CONCURRENT_MS = 20;

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
    const topics = byTopic(partitions).map(([topic, places]) => ({
      name: this.#cluster.prefixed(topic),
      partitions: places.map(({ partition }) => partition),
    }));
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
        passes,
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
    { memberId, generation, instanceId }: BrokerMember,
    offsets: readonly OffsetCommit[],
  ): Promise<void> {
    const topics = byTopic(offsets).map(([topic, commits]) => ({
      name: this.#cluster.prefixed(topic),
      partitions: commits.map(({ partition, offset, metadata }) => ({
        partitionIndex: partition,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: -1,
        committedMetadata: metadata ?? null,
      })),
    }));
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
      this.#repeat(`committing offsets of group ${group}`, 'group', group, ask, passes),
    );
  }

  /** Asks until there is an answer, however long that takes: what has become of a commit must be known. */
  async commit(identity: ProducerIdentity): Promise<void> {
    await this.#end(identity, true, Number.POSITIVE_INFINITY);
  }

  /**
   * Resolves when readers see a transaction that was committed: its coordinator calls it concurrent until every partition has
   * its marker.
   */
  async untilVisible(identity: ProducerIdentity): Promise<void> {
    await this.#end(identity, true, REQUEST_TIMEOUT_MS);
  }

  async abort(identity: ProducerIdentity, timeoutMs: number): Promise<void> {
    await this.#end(identity, false, timeoutMs);
  }

  async #end({ producerId, epoch }: ProducerIdentity, isCommit: boolean, timeoutMs: number): Promise<void> {
    await this.#ask(
      isCommit ? 'committing' : 'aborting',
      (connection, id) => endTxnV3.api.async(connection, id, BigInt(producerId), epoch, isCommit),
      isPassing,
      timeoutMs,
    );
  }

  /** A broker may not have heard of a topic that is new; of one that is gone, none has: MR_LOG_UNKNOWN_TOPIC. */
  async #whileUnknown<T>(
    partitions: readonly TopicPartition[],
    work: (passes: (error: unknown) => boolean) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.#cluster;
    const until = clock.monotonic() + UNKNOWN_TOPIC_MS;
    const isUnknown = (error: unknown) => refusalName(error) === 'UNKNOWN_TOPIC_OR_PARTITION';
    try {
      return await work((error) => (isUnknown(error) ? clock.monotonic() < until : isPassing(error)));
    } catch (error) {
      if (!isUnknown(error)) throw error;
      await this.#cluster.refresh(byTopic(partitions).map(([topic]) => topic));
      const has = ({ topic, partition }: TopicPartition) =>
        this.#cluster.cachedTopic(topic)?.leaders[partition] !== undefined;
      const missing = partitions.find((at) => !has(at));
      throw missing === undefined ? error : unknownTopic(missing.topic, missing.partition);
    }
  }

  #ask<T>(
    what: string,
    operation: (connection: Connection, transactionalId: string) => Promise<T>,
    passes?: (error: unknown) => boolean,
    timeoutMs?: number,
  ): Promise<T> {
    const id = this.#transactionalId;
    return this.#repeat(
      `${what}, transactional id ${id}`,
      'transaction',
      id,
      (connection) => operation(connection, this.#cluster.prefixed(id)),
      passes,
      timeoutMs,
    );
  }

  async #repeat<T>(
    what: string,
    kind: 'group' | 'transaction',
    key: string,
    operation: (connection: Connection) => Promise<T>,
    passes = isPassing,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<T> {
    const { clock, random } = this.#cluster;
    const until = clock.monotonic() + timeoutMs;
    let pauseMs = FIRST_PAUSE_MS;
    for (let concurrentPauseMs = 1; ; ) {
      if (this.#signal.aborted || this.#cluster.closed) throw logClosed();
      let failure: unknown;
      try {
        const broker = await this.#cluster.coordinator(kind, key);
        return await operation(await this.#cluster.connection(broker, this.#purpose));
      } catch (error) {
        failure = error;
      }
      if (!passes(failure) && !isAway(failure)) throw failure;
      if (clock.monotonic() >= until) throw unavailable(what, failure);
      if (refusalName(failure) === 'CONCURRENT_TRANSACTIONS') {
        await clock.sleep(concurrentPauseMs, this.#signal);
        concurrentPauseMs = Math.min(LONGEST_PAUSE_OF_CONCURRENT_MS, 2 * concurrentPauseMs);
      } else {
        this.#cluster.forgetCoordinator(kind, key);
        await clock.sleep(pauseMs * (0.5 + random()), this.#signal);
        pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
      }
    }
  }
}

function byTopic<T extends TopicPartition>(
  places: readonly T[],
): readonly (readonly [string, readonly T[]])[] {
  const topics = new Map<string, T[]>();
  for (const place of places) {
    const topic = topics.get(place.topic);
    if (topic === undefined) topics.set(place.topic, [place]);
    else topic.push(place);
  }
  return [...topics];
}

/** Kafka's name of the refusal that counts: where one partition is refused, the others are 'not attempted'. */
export function refusalName(error: unknown): string | undefined {
  if (error instanceof MultipleErrors) {
    const names = error.errors.map(errorName).filter((name) => name !== 'OPERATION_NOT_ATTEMPTED');
    if (names.length > 0) return names[0];
  }
  return errorName(error);
}
