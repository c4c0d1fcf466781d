import { invariant, RetryableError } from '#platform';
import { logClosed } from '../../errors.ts';
import { MAX_TIMESTAMP, readInt64 } from '../records/batch-format.ts';
import type { Cluster } from '../wire/cluster.ts';
import { BrokerError, isPassing } from '../wire/kafka-errors.ts';
import type { Sent } from './leader-channel.ts';
import { isAway, isTooLarge, notAppended, outcomeOf, outcomeUnknown, refusal } from './outcome.ts';
import {
  Batch,
  isSame,
  type Parcel,
  PartitionQueue,
  type ProducerIdentity,
  SEQUENCES,
  sequenceAfter,
} from './partition-queue.ts';
import type { ProduceAnswer, produceV11 } from './produce-request.ts';
import { findBatch, lastSequence } from './producer-state.ts';
import { type Dispatcher, Router } from './router.ts';

export type SenderOptions = {
  /** Names the producer's own connections. */
  readonly purpose: string;
  /** As the brokers call it; null: the batches are in no transaction. */
  readonly transactionalId: string | null;
  readonly produce: typeof produceV11;
  readonly identity: ProducerIdentity;
  /** Outside transactions: a new producer id, when the epochs of one are used up. */
  readonly newIdentity?: () => Promise<ProducerIdentity>;
};

/** For how long a batch is tried (Java's delivery.timeout.ms). */
const DELIVERY_TIMEOUT_MS = 120_000;

/**
 * A broker forgets a producer when the newest record that it has from it is older than a day (producer.id.expiration.ms), by
 * the record's own timestamp: every ten minutes, and when it starts. Well within that.
 */
const FORGOTTEN_MS = 3_600_000;

/**
 * Brings batches to the leaders of their partitions, each once and in order whatever happens on the way: a request that got
 * no answer is sent again as it was, with the same producer id, epoch and sequence number, so that the leader knows it. Where
 * its records are so old that a broker may have forgotten their producer, it is sought in the log first; what is left is a copy
 * that a broker gets round to after that and before it starts over. In an open transaction a producer is not forgotten.
 */
export class Sender implements Dispatcher {
  readonly #cluster: Cluster;
  readonly #options: SenderOptions;
  readonly #router: Router;
  readonly #ended = new AbortController();
  readonly #queues = new Map<string, PartitionQueue>();
  #identity: ProducerIdentity;
  #outstanding = 0;
  readonly #idle: (() => void)[] = [];
  #lastDeadline = Number.POSITIVE_INFINITY;
  /** Why nothing is tried again. */
  #abandoned: { readonly cause: unknown } | undefined;
  #hasLeftOpen = false;

  constructor(cluster: Cluster, options: SenderOptions) {
    const { identity, produce, purpose, transactionalId } = options;
    this.#cluster = cluster;
    this.#options = options;
    this.#identity = identity;
    this.#router = new Router(cluster, this, {
      purpose,
      transactionalId,
      produce,
      signal: this.#ended.signal,
    });
  }

  /** Whether something was sent and then given up, so that only another identity can go on safely. */
  get hasLeftOpen(): boolean {
    return this.#hasLeftOpen;
  }

  queue(topic: string, partition: number): PartitionQueue {
    const name = `${topic}/${partition}`;
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = new PartitionQueue(topic, partition, this.#identity);
      this.#queues.set(name, queue);
    }
    return queue;
  }

  /** Sends `parcel` behind what the queue has. */
  send(queue: PartitionQueue, parcel: Parcel): void {
    this.#outstanding++;
    const deadline = this.#cluster.clock.monotonic() + DELIVERY_TIMEOUT_MS;
    queue.add(new Batch(parcel, Math.min(deadline, this.#lastDeadline)));
    this.#wait(queue);
  }

  /** Resolves when nothing is outstanding. */
  async drained(): Promise<void> {
    if (this.#outstanding > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Gives up by then what is outstanding, and what may yet come. */
  limit(deadline: number): void {
    this.#lastDeadline = deadline;
    for (const queue of this.#queues.values()) queue.limit(deadline);
  }

  /** Fails what waits, and what is in flight when it isn't acknowledged: nothing is sent until `restart`. */
  abandon(cause: unknown): void {
    if (this.#abandoned !== undefined) return;
    this.#abandoned = { cause };
    this.#router.stop();
    for (const queue of this.#queues.values()) this.failWaiting(queue, cause);
  }

  /** Goes on as `identity` when all has come back, after `abandon` too. */
  restart(identity: ProducerIdentity): void {
    this.#abandoned = undefined;
    this.#router.start();
    if (isSame(identity, this.#identity)) return;
    this.#hasLeftOpen = false;
    this.#identity = identity;
    for (const queue of this.#queues.values()) queue.renew(identity);
  }

  /** Ends the connections; what is outstanding fails. */
  async close(): Promise<void> {
    this.abandon(logClosed());
    this.#ended.abort();
    await this.#cluster.disconnect(this.#options.purpose);
  }

  encode({ batch }: Sent): Buffer {
    const { numbered, parcel } = batch;
    invariant(numbered !== undefined, 'a batch is sent without a number');
    batch.bytes ??= parcel.builder.finish({
      ...numbered,
      isTransactional: this.#options.transactionalId !== null,
      compression: this.#cluster.options.compression,
    });
    return batch.bytes;
  }

  answered(sent: Sent, answer: ProduceAnswer): void {
    const { queue, batch } = sent;
    const outcome = outcomeOf(answer.code);
    if (outcome === 'appended') {
      if (answer.baseOffset >= 0) this.#acknowledge(sent, answer.baseOffset);
      else void this.#ask(sent, () => this.#locate(sent));
      return;
    }
    const error = new BrokerError(answer.code, `appending to ${queue.topic}/${queue.partition}`);
    if (outcome === 'gap') {
      if (!queue.isAlone(batch)) this.#putBack(sent, error);
      else if (this.#options.transactionalId !== null) this.#giveUp(sent, error);
      else void this.#ask(sent, () => this.#resolveGap(sent));
    } else if (outcome === 'refused') {
      this.#refuse(sent, answer);
    } else if (outcome === 'failed') {
      this.#giveUp(sent, error);
    } else {
      if (outcome === 'unknown-topic') queue.unknownSince ??= this.#cluster.clock.monotonic();
      else {
        queue.unknownSince = undefined;
        // The leader may have it: one that is replaced, or shut down, between an append and its answer says that it leads no more.
        batch.isUncertain = true;
      }
      this.#putBack(sent, error);
      this.#router.pause(queue, error, outcome !== 'again');
    }
  }

  lost(sent: Sent, error: unknown): void {
    sent.batch.isUncertain = true;
    if (isPassing(error)) {
      this.#putBack(sent, error);
      this.#router.pause(sent.queue, error, true);
    } else {
      this.#giveUp(sent, error);
    }
  }

  unreachable(queues: readonly PartitionQueue[], error: unknown): void {
    for (const queue of queues) {
      if (isPassing(error) || isAway(error)) this.#router.pause(queue, error, true);
      else this.failWaiting(queue, error);
    }
  }

  freed(): void {
    this.#router.schedule();
  }

  expire(queue: PartitionQueue, now: number): void {
    for (const batch of queue.giveUpExpired(now)) {
      const { isUncertain, lastFailure } = batch;
      const timedOut = isUncertain ? outcomeUnknown : notAppended;
      this.#fail(batch, timedOut(queue.topic, queue.partition, lastFailure));
    }
  }

  failWaiting(queue: PartitionQueue, error: unknown): void {
    for (const batch of queue.giveUpWaiting()) this.#fail(batch, error);
  }

  renew(queue: PartitionQueue): void {
    queue.isPaused = true;
    void this.#renew(queue);
  }

  seek(queue: PartitionQueue, batch: Batch): void {
    void this.#ask({ queue, batch }, async () => {
      invariant(batch.numbered !== undefined, 'a batch has been sent without a number');
      const baseOffset = await findBatch(this.#cluster, queue, batch.numbered, batch.notBefore);
      batch.mustBeSought = false;
      if (baseOffset !== undefined) this.#acknowledge({ queue, batch }, baseOffset);
    });
  }

  /** Something waits in the queue. */
  #wait(queue: PartitionQueue): void {
    if (this.#cluster.closed) this.abandon(logClosed());
    if (this.#abandoned === undefined) this.#router.add(queue);
    else this.failWaiting(queue, this.#abandoned.cause);
  }

  #acknowledge({ queue, batch }: Sent, baseOffset: number): void {
    const { parcel } = batch;
    queue.acknowledge(batch, baseOffset + parcel.builder.count, this.#cluster.clock.monotonic());
    this.#landed();
    parcel.builder.release();
    parcel.appended(baseOffset);
  }

  #putBack({ queue, batch }: Sent, error: unknown): void {
    batch.lastFailure = error;
    batch.mustBeSought ||= batch.isUncertain && this.#mayBeForgotten(batch);
    queue.putBack(batch);
    this.#wait(queue);
  }

  #mayBeForgotten({ bytes }: Batch): boolean {
    if (this.#options.transactionalId !== null || bytes === undefined) return false;
    return readInt64(bytes, MAX_TIMESTAMP) < this.#cluster.clock.now() - FORGOTTEN_MS;
  }

  #giveUp({ queue, batch }: Sent, error: unknown): void {
    queue.giveUp(batch);
    this.#fail(batch, error);
  }

  #refuse({ queue, batch }: Sent, answer: ProduceAnswer): void {
    // A transaction fails as a whole.
    const isWhole = this.#options.transactionalId !== null;
    const parcels = isWhole ? [] : batch.parcel.split(isTooLarge(answer.code));
    queue.refuse(
      batch,
      parcels.map((parcel) => new Batch(parcel, batch.deadline)),
    );
    this.#outstanding += parcels.length;
    if (parcels.length > 0) this.#landed();
    else this.#fail(batch, refusal(answer));
    this.#wait(queue);
  }

  async #renew(queue: PartitionQueue): Promise<void> {
    const { newIdentity } = this.#options;
    invariant(newIdentity !== undefined, 'a transactional producer gets its epochs from its coordinator');
    try {
      queue.renew(await newIdentity());
    } catch (error) {
      this.failWaiting(queue, error);
    }
    this.#router.resume(queue);
  }

  /** Asks the brokers something before it is known what becomes of the batch; its queue waits. */
  async #ask(sent: Sent, question: () => Promise<void>): Promise<void> {
    const { queue } = sent;
    queue.isPaused = true;
    try {
      await question();
      this.#router.resume(queue);
    } catch (error) {
      queue.isPaused = false;
      if (error instanceof RetryableError) {
        this.#putBack(sent, error);
        this.#router.pause(queue, error, true);
      } else {
        this.#giveUp(sent, error);
        this.#wait(queue);
      }
    }
  }

  /** The leader has expected another number than that of the batch, which is the first that it has not acknowledged. */
  async #resolveGap(sent: Sent): Promise<void> {
    const { queue, batch } = sent;
    const { numbered, parcel } = batch;
    invariant(numbered !== undefined, 'a batch has been sent without a number');
    const last = await lastSequence(this.#cluster, queue, numbered);
    const mine = sequenceAfter(numbered.sequence, parcel.builder.count - 1);
    // A broker that was stopped remembers but the last batch of a producer, and not where an earlier one is.
    if (last !== undefined && isAtOrBehind(last, mine)) return this.#locate(sent);
    const { topic, partition } = queue;
    this.#cluster.logger?.warn({ topic, partition }, 'the batches of a partition are renumbered');
    queue.renumber(batch);
    this.#wait(queue);
  }

  /** The leader has the batch, and hasn't said where. */
  async #locate(sent: Sent): Promise<void> {
    const { queue, batch } = sent;
    invariant(batch.numbered !== undefined, 'a batch has been sent without a number');
    const baseOffset = await findBatch(this.#cluster, queue, batch.numbered, batch.notBefore);
    if (baseOffset === undefined) throw outcomeUnknown(queue.topic, queue.partition, batch.lastFailure);
    this.#acknowledge(sent, baseOffset);
  }

  #fail(batch: Batch, error: unknown): void {
    if (batch.numbered !== undefined) this.#hasLeftOpen = true;
    this.#landed();
    batch.parcel.failed(error);
  }

  #landed(): void {
    this.#outstanding--;
    if (this.#outstanding === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** In the circle of sequence numbers. */
const isAtOrBehind = (sequence: number, other: number) =>
  sequenceAfter(sequence, SEQUENCES - other) < SEQUENCES / 2;
