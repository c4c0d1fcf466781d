import { commitInProgress, fenced, logClosed } from '../../errors.ts';
import { checkOffsetCommit } from '../../offset-commit.ts';
import type { Appended, GroupMetadata, OffsetCommit, Records, TransactionalProducer } from '../../port.ts';
import type { Cluster } from '../wire/cluster.ts';
import { TransactionCoordinator } from './coordinator.ts';
import { isSame, type ProducerIdentity } from './partition-queue.ts';
import { Sender } from './sender.ts';
import { type GroupMembers, Transaction } from './transaction.ts';
import { isLost, transactionError } from './transaction-errors.ts';
import { transactionProtocol } from './transaction-protocol.ts';

/**
 * For how long a transaction may be open before the brokers abort it, and so for how long readers, and whoever takes over the
 * tasks, may be held up by one whose producer has died without a successor of its name. Kafka Streams' default; one that
 * takes longer is done again.
 */
const TRANSACTION_TIMEOUT_MS = 10_000;
/** For how long a transaction that has failed is tried to be aborted; then it is left to the next one, or to its time-out. */
const ABORT_TIMEOUT_MS = 10_000;
/** For how long `close` waits for brokers that don't answer. */
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * Fences whoever has the transactional id, and ends what that one has left open. Errors: MR_LOG_UNAVAILABLE,
 * MR_KAFKA_FORBIDDEN.
 */
export async function openTransactionalProducer(
  cluster: Cluster,
  groups: GroupMembers,
  transactionalId: string,
  timeoutMs = TRANSACTION_TIMEOUT_MS,
): Promise<TransactionalProducer> {
  const closing = new AbortController();
  const purpose = cluster.newPurpose('transactions');
  const producePurpose = cluster.newPurpose('transactional-produce');
  try {
    const protocol = await transactionProtocol(cluster);
    const coordinator = new TransactionCoordinator(cluster, {
      transactionalId,
      protocol,
      purpose,
      producePurpose,
      timeoutMs,
      signal: closing.signal,
    });
    const identity = await coordinator.initProducerId();
    const sender = new Sender(cluster, {
      purpose: producePurpose,
      transactionalId: cluster.prefixed(transactionalId),
      produce: protocol.produce,
      identity,
    });
    return new KafkaTransactionalProducer(transactionalId, {
      cluster,
      groups,
      coordinator,
      sender,
      identity,
      closing,
      purpose,
    });
  } catch (error) {
    await cluster.disconnect(purpose);
    throw transactionError(error, transactionalId);
  }
}

type Parts = {
  readonly cluster: Cluster;
  readonly groups: GroupMembers;
  readonly coordinator: TransactionCoordinator;
  readonly sender: Sender;
  readonly identity: ProducerIdentity;
  /** Ends the coordinator's requests. */
  readonly closing: AbortController;
  /** Which of the coordinator's connections it uses. */
  readonly purpose: string;
};

class KafkaTransactionalProducer implements TransactionalProducer {
  readonly #transactionalId: string;
  readonly #parts: Parts;
  #identity: ProducerIdentity;
  #transaction: Transaction;
  #ending: Promise<unknown> | undefined;
  /** Readers see the last transaction; until then the brokers begin no other. */
  #visible: Promise<void> = Promise.resolve();
  /** What has to be done for the last transaction before there can be another: abort it, go on under a new epoch. */
  #isLeftOpen = false;
  #needsEpoch = false;
  /** Another has the transactional id. */
  #fenced: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(transactionalId: string, parts: Parts) {
    this.#transactionalId = transactionalId;
    this.#parts = parts;
    this.#identity = parts.identity;
    this.#transaction = this.#begin();
    parts.cluster.opened.add(this);
  }

  append(topic: string, partition: number, records: Records): void {
    this.#assertIdle();
    if (this.#fenced !== undefined) throw this.#fenced;
    this.#transaction.append(topic, partition, records);
  }

  sendOffsets(group: GroupMetadata, offsets: readonly OffsetCommit[]): void {
    this.#assertIdle();
    for (const offset of offsets) checkOffsetCommit(offset);
    this.#transaction.sendOffsets(group, offsets);
  }

  async commit(): Promise<readonly Appended[]> {
    this.#assertIdle();
    if (this.#fenced !== undefined) throw this.#fenced;
    return this.#end(async () => {
      try {
        const committed = await this.#transaction.commit();
        if (committed === undefined) return [];
        this.#show(this.#identity);
        this.#identity = committed.next;
        this.#parts.sender.restart(this.#identity);
        return committed.appended;
      } catch (error) {
        throw await this.#undo(error);
      }
    });
  }

  async abort(): Promise<void> {
    this.#assertIdle();
    await this.#end(() => this.#undo(new Error('aborted by its producer')));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { cluster, closing, purpose, sender } = this.#parts;
    if (this.#ending !== undefined) await this.#within(this.#ending);
    if (this.#ending === undefined) {
      const undone = this.#end(() => this.#undo(logClosed()));
      // Who reads behind a producer that is closed finds what it has committed.
      await this.#within(Promise.all([undone, this.#visible]));
    }
    closing.abort();
    await sender.close();
    await cluster.disconnect(purpose);
    cluster.opened.delete(this);
  }

  #begin(): Transaction {
    const { cluster, coordinator, groups, sender } = this.#parts;
    return new Transaction({ cluster, coordinator, groups, sender, begin: () => this.#ready() });
  }

  async #end<T>(work: () => Promise<T>): Promise<T> {
    const ending = work();
    this.#ending = ending;
    try {
      return await ending;
    } finally {
      this.#transaction = this.#begin();
      this.#ending = undefined;
    }
  }

  /** Aborts the transaction, which has failed by `cause`; returns the error for its caller. */
  async #undo(cause: unknown): Promise<unknown> {
    const { sender } = this.#parts;
    await this.#transaction.abandon(cause);
    this.#isLeftOpen ||= this.#transaction.hasBegun;
    // A request that had no answer may still be on its way, to join a later transaction of the same epoch.
    this.#needsEpoch ||= sender.hasLeftOpen || isLost(cause);
    try {
      await this.#settle();
    } catch (error) {
      const { logger } = this.#parts.cluster;
      logger?.warn(
        { transactionalId: this.#transactionalId, err: error },
        'a transaction is still to be aborted',
      );
    }
    return this.#fenced ?? transactionError(cause, this.#transactionalId);
  }

  /** Readers will see what was committed under the identity. */
  #show(identity: ProducerIdentity): void {
    const { becomingVisible } = this.#parts.cluster;
    const visible = this.#untilVisible(identity).finally(() => becomingVisible.delete(visible));
    becomingVisible.add(visible);
    this.#visible = visible;
  }

  async #untilVisible(identity: ProducerIdentity): Promise<void> {
    const { cluster, coordinator } = this.#parts;
    try {
      await coordinator.untilVisible(identity);
    } catch (error) {
      // It is committed, whatever has happened since: a successor, say, has taken over.
      cluster.logger?.debug({ err: error }, 'readers may see a transaction slightly later');
      // Under the same epoch a question that comes late would end the next one.
      this.#needsEpoch = true;
    }
  }

  /** As whom the next transaction is written. */
  async #ready(): Promise<ProducerIdentity> {
    await this.#visible;
    if (this.#isLeftOpen || this.#needsEpoch) await this.#settle();
    if (this.#fenced !== undefined) throw this.#fenced;
    return this.#identity;
  }

  /** Brings the last transaction to its end. */
  async #settle(): Promise<void> {
    const { coordinator, sender } = this.#parts;
    if (this.#isLeftOpen) {
      try {
        const next = await coordinator.abort(this.#identity, ABORT_TIMEOUT_MS);
        if (!isSame(next, this.#identity)) this.#needsEpoch = false;
        this.#identity = next;
      } catch (error) {
        // The brokers have ended it themselves, or another producer has.
        if (!isLost(error)) throw error;
        this.#needsEpoch = true;
      }
      this.#isLeftOpen = false;
    }
    if (this.#needsEpoch) {
      try {
        this.#identity = await coordinator.initProducerId(this.#identity);
      } catch (error) {
        if (!isLost(error)) throw error;
        this.#fenced = fenced(this.#transactionalId);
      }
      this.#needsEpoch = false;
    }
    sender.restart(this.#identity);
  }

  /** Resolves when `work` has ended, however it has, or when it has taken as long as `close` may. */
  async #within(work: Promise<unknown>): Promise<void> {
    const done = new AbortController();
    const ended = work.then(
      () => {},
      () => {},
    );
    await Promise.race([ended, this.#parts.cluster.clock.sleep(CLOSE_TIMEOUT_MS, done.signal)]);
    done.abort();
  }

  #assertIdle(): void {
    if (this.#closing !== undefined || this.#parts.cluster.closed) throw logClosed();
    if (this.#ending !== undefined) throw commitInProgress(this.#transactionalId);
  }
}
