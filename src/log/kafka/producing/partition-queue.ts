import type { BatchBuilder } from '../records/batch-builder.ts';

/** As whom a producer writes. A partition takes nothing more under an epoch when it has seen a newer one. */
export type ProducerIdentity = { readonly producerId: number; readonly epoch: number };

export const isSame = (a: ProducerIdentity, b: ProducerIdentity) =>
  a.producerId === b.producerId && a.epoch === b.epoch;

/** A batch's records, and who waits for what becomes of them. */
export interface Parcel {
  readonly builder: BatchBuilder;
  /** `baseOffset`: of the first record. */
  appended(baseOffset: number): void;
  failed(error: unknown): void;
  /** What to send in its stead when it was refused, to the same waiters; nothing: it fails. */
  split(isTooLarge: boolean): readonly Parcel[];
}

/** There are that many sequence numbers; then they begin again. */
export const SEQUENCES = 2 ** 31;
const LAST_EPOCH = 32_767;
const MOST_IN_FLIGHT = 5;
/** A partition forgets a producer that has not written for a day (producer.id.expiration.ms); well within that. */
const REMEMBERED_MS = 3_600_000;

export const sequenceAfter = (sequence: number, count: number) => (sequence + count) % SEQUENCES;

/** A parcel with its place in the partition's order. */
export class Batch {
  readonly parcel: Parcel;
  /** Until then it is tried again; on the monotonic clock, ms. */
  deadline: number;
  /** Its place among the batches of its partition. */
  order = 0;
  /** How the leader knows it; undefined until it is sent for the first time. */
  numbered: (ProducerIdentity & { readonly sequence: number }) | undefined;
  /** It is nowhere before this offset; undefined: nothing is known. */
  notBefore: number | undefined;
  /** A request with it had no answer, or none that said so: it may be in the log. */
  isUncertain = false;
  /** Whether it is in the log has to be seen there before it is sent again: see Sender. */
  mustBeSought = false;
  /** Kept between tries, for compressing takes time. */
  bytes: Buffer | undefined;
  /** Why it is not acknowledged yet. */
  lastFailure: unknown;

  constructor(parcel: Parcel, deadline: number) {
    this.parcel = parcel;
    this.deadline = deadline;
  }

  forgetNumber(): void {
    this.numbered = undefined;
    this.isUncertain = false;
    this.mustBeSought = false;
    this.bytes = undefined;
  }
}

/**
 * The batches of one partition in order, with the sequence numbers that its leader recognises duplicates by (KIP-98).
 *
 * A leader accepts a batch only after the one with the previous number, so none in flight can overtake another. But a leader
 * that does not know the producer accepts any number: several are in flight only while the leader is known to remember one,
 * and after a failure they go one by one until the first is acknowledged.
 *
 * A number that was given out and will never be used would leave a gap that no later batch gets over. Then the queue goes on
 * under a new epoch, which begins at 0, as soon as what was numbered before the gap is settled; a late copy of an old
 * request is refused for its epoch.
 */
export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** A pause after a failure: nothing is sent. */
  isPaused = false;
  /** In a row. */
  failures = 0;
  /** Since when the brokers have known no such topic, on the monotonic clock. */
  unknownSince: number | undefined;
  /** Behind the last batch acknowledged. */
  nextOffset: number | undefined;
  #identity: ProducerIdentity;
  #nextSequence = 0;
  #nextOrder = 0;
  /** Both in order; in `waiting`, those that have numbers come first. */
  readonly #waiting: Batch[] = [];
  readonly #inFlight: Batch[] = [];
  /** The connection that carries everything in flight. */
  #channel: unknown;
  /** The connection that last showed that the leader knows the producer; another may lead to a new leader. */
  #rememberedBy: unknown;
  #rememberedUntil = Number.NEGATIVE_INFINITY;
  #hasGap = false;
  /** Nothing from this place on is in the log, whatever numbers it was sent with. */
  #blockedFrom = Number.POSITIVE_INFINITY;

  constructor(topic: string, partition: number, identity: ProducerIdentity) {
    this.topic = topic;
    this.partition = partition;
    this.#identity = identity;
  }

  /** Batches that are neither acknowledged nor given up. */
  get outstanding(): number {
    return this.#waiting.length + this.#inFlight.length;
  }

  get inFlight(): number {
    return this.#inFlight.length;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** The next batch can't go before `renew` brings a new producer id, for the epochs of this one are used up. */
  get needsProducerId(): boolean {
    return this.#mustRenew() && this.#identity.epoch >= LAST_EPOCH;
  }

  /** The next batch, when it has to be sought in the log before it can go. */
  get sought(): Batch | undefined {
    const [next] = this.#waiting;
    return this.#inFlight.length === 0 && next?.mustBeSought === true ? next : undefined;
  }

  add(batch: Batch): void {
    batch.order = this.#nextOrder++;
    this.#waiting.push(batch);
  }

  /** Whether `take` has a batch to give at the time `now`. */
  canTake(channel: unknown, now: number): boolean {
    const [next] = this.#waiting;
    if (this.isPaused || next === undefined) return false;
    if (next.mustBeSought) return false;
    if (this.#inFlight.length === 0) return !this.needsProducerId;
    return (
      next.numbered === undefined &&
      !this.#hasGap &&
      this.#channel === channel &&
      this.#rememberedBy === channel &&
      now < this.#rememberedUntil &&
      this.#inFlight.length < MOST_IN_FLIGHT
    );
  }

  /** The next batch, numbered, to be sent by `channel`; `canTake` has said that there is one. */
  take(channel: unknown): Batch {
    if (this.#mustRenew()) this.renew({ ...this.#identity, epoch: this.#identity.epoch + 1 });
    const batch = this.#waiting.shift() as Batch;
    if (batch.numbered === undefined) {
      batch.numbered = { ...this.#identity, sequence: this.#nextSequence };
      this.#nextSequence = sequenceAfter(this.#nextSequence, batch.parcel.builder.count);
      batch.notBefore = this.nextOffset;
    }
    this.#channel = channel;
    this.#inFlight.push(batch);
    return batch;
  }

  /** The leader has the batch, and `nextOffset` follows it. */
  acknowledge(batch: Batch, nextOffset: number, now: number): void {
    if (this.#inFlight.includes(batch)) {
      this.#rememberedBy = this.#channel;
      this.#rememberedUntil = now + REMEMBERED_MS;
    }
    this.#land(batch);
    this.failures = 0;
    this.unknownSince = undefined;
    this.nextOffset = nextOffset;
  }

  /** To be sent again as what it is, before everything that came after it. */
  putBack(batch: Batch): void {
    this.#land(batch);
    if (batch.order >= this.#blockedFrom) batch.forgetNumber();
    const at = this.#waiting.findIndex(({ order }) => order > batch.order);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, batch);
    this.#rememberedUntil = Number.NEGATIVE_INFINITY;
  }

  /**
   * The leader will never take the batch; `parts` take its place. What was numbered after it can't have got past the gap,
   * and is renumbered.
   */
  refuse(batch: Batch, parts: readonly Batch[]): void {
    this.putBack(batch);
    const at = this.#waiting.indexOf(batch);
    for (const other of [...this.#waiting, ...this.#inFlight]) {
      if (other.order > batch.order) other.order += parts.length;
    }
    for (const [i, part] of parts.entries()) part.order = batch.order + i;
    this.#nextOrder += parts.length;
    this.#waiting.splice(at, 1, ...parts);
    this.#renumberFrom(batch.order);
  }

  /** Nobody waits for the batch any more; whether it is in the log is open. */
  giveUp(batch: Batch): void {
    this.putBack(batch);
    this.#giveUp((other) => other === batch);
  }

  /** Neither the batch, which is alone, nor anything numbered after it is in the log or can still get there. */
  renumber(batch: Batch): void {
    this.putBack(batch);
    this.#renumberFrom(batch.order);
  }

  /** Whether no other batch is in flight, and nothing is in front of this one. */
  isAlone(batch: Batch): boolean {
    const [next] = this.#waiting;
    return this.#inFlight.length === 1 && (next === undefined || next.order > batch.order);
  }

  /** Goes on as somebody under whom nothing was numbered yet in this partition. */
  renew(identity: ProducerIdentity): void {
    this.#identity = identity;
    this.#nextSequence = 0;
    this.#hasGap = false;
    this.#blockedFrom = Number.POSITIVE_INFINITY;
    this.#rememberedUntil = Number.NEGATIVE_INFINITY;
  }

  /** Gives up, and hands out, what has waited for longer than it may. */
  giveUpExpired(now: number): readonly Batch[] {
    return this.#giveUp(({ deadline }) => deadline <= now);
  }

  /** Gives up, and hands out, all that waits. */
  giveUpWaiting(): readonly Batch[] {
    return this.#giveUp(() => true);
  }

  /** Nothing is tried for longer than until `deadline`. */
  limit(deadline: number): void {
    for (const batch of [...this.#waiting, ...this.#inFlight]) {
      batch.deadline = Math.min(batch.deadline, deadline);
    }
  }

  /** What is left keeps its numbers: whether the leader has the batch that is given up is open. */
  #giveUp(concerns: (batch: Batch) => boolean): readonly Batch[] {
    const given = this.#waiting.filter(concerns);
    if (given.length === 0) return given;
    const kept = this.#waiting.filter((batch) => !concerns(batch));
    this.#waiting.splice(0, this.#waiting.length, ...kept);
    if (given.some(({ numbered }) => numbered !== undefined)) this.#hasGap = true;
    return given;
  }

  #renumberFrom(order: number): void {
    for (const batch of this.#waiting) if (batch.order >= order) batch.forgetNumber();
    this.#hasGap = true;
    this.#blockedFrom = Math.min(this.#blockedFrom, order);
  }

  /** Where the next batch has no number, no other has. */
  #mustRenew(): boolean {
    return this.#hasGap && this.#inFlight.length === 0 && this.#waiting[0]?.numbered === undefined;
  }

  /** Takes the batch out, wherever it is. */
  #land(batch: Batch): void {
    for (const batches of [this.#inFlight, this.#waiting]) {
      const at = batches.indexOf(batch);
      if (at >= 0) batches.splice(at, 1);
    }
  }
}
