import type { Assigned } from '../../assignment.ts';
import type { RecordBatch } from '../../port.ts';

export const UNKNOWN_EPOCH = -1;

/** One assigned partition as it is being fetched: what has come and was not polled yet, and where to go on. */
export class Reading {
  readonly assigned: Assigned;
  /** Offset of the next request, after the last record received. */
  nextOffset: number;
  /** Epoch of the leader that wrote the batch before `nextOffset`. */
  lastEpoch = UNKNOWN_EPOCH;
  /** How far there is something to read, as of the last answer. */
  end: number | undefined;
  /** Id of the topic in the first answer: offsets mean nothing in a recreated one. */
  topicId: string | undefined;
  /** Its largest batch of late: a request that grants less gives nothing, unless the partition comes first in it. */
  neededBytes = 0;
  bufferedBytes = 0;

  /** The assignment was replaced: what comes is not wanted any more. */
  isDropped = false;
  isInFlight = false;
  /** Recovery decides when it may be fetched again. */
  isRecovering = false;
  /** Failures since the last answer. */
  tries = 0;
  /** How often in a row the brokers did not know the partition. */
  timesUnknown = 0;
  /** When the last answer came, by the monotonic clock. */
  answeredAt = Number.NEGATIVE_INFINITY;
  /** Until when polls wait for an answer although their time is up. */
  awaitedUntil = Number.NEGATIVE_INFINITY;

  #lookedAt = Number.NEGATIVE_INFINITY;
  #batches: RecordBatch[] = [];
  #polled = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(assigned: Assigned) {
    this.assigned = assigned;
    this.nextOffset = assigned.position;
  }

  get isEmpty(): boolean {
    return this.#polled === this.#batches.length;
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether its leader is known to have something at the next request's offset, so that it answers without a wait. */
  get hasMore(): boolean {
    return this.end !== undefined && this.nextOffset < this.end;
  }

  /** Whether the next request of its leader should ask for it. */
  get isWanted(): boolean {
    return !this.assigned.paused && !this.isInFlight && !this.isRecovering && this.#failure === undefined;
  }

  /** Makes polls wait for an answer, once until there is one. */
  awaitAnswer(now: number, waitMs: number): void {
    if (this.#lookedAt > this.answeredAt) return;
    this.#lookedAt = now;
    this.awaitedUntil = now + waitMs;
  }

  /** The leader has answered, by the monotonic clock at `now`. */
  answered(now: number, topicId: string): void {
    this.answeredAt = now;
    this.awaitedUntil = Number.NEGATIVE_INFINITY;
    this.topicId = topicId;
  }

  /** `nextOffset`: behind the batches. */
  add(batches: readonly RecordBatch[], nextOffset: number, lastEpoch: number): void {
    if (this.isEmpty) this.#discard();
    for (const batch of batches) {
      this.#batches.push(batch);
      this.bufferedBytes += batch.byteLength;
    }
    this.nextOffset = nextOffset;
    this.lastEpoch = lastEpoch;
  }

  /** Ends the reading of the partition: the error is thrown when all that came before it has been polled. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.awaitedUntil = Number.NEGATIVE_INFINITY;
  }

  /** Forgets what has come: it is fetched again. */
  rewind(): void {
    this.#discard();
    this.nextOffset = this.assigned.position;
    this.lastEpoch = UNKNOWN_EPOCH;
  }

  /** Moves batches to a poll's result, by the rules of `Fetch`. Throws what the partition has failed with; the next poll asks again. */
  take(left: number, share: number, batches: RecordBatch[]): number | undefined {
    const { assigned } = this;
    if (this.isEmpty) return this.#throwFailure(batches);
    const first = this.#polled;
    let taken = 0;
    for (; !this.isEmpty; this.#polled++) {
      const batch = this.#batches[this.#polled] as RecordBatch;
      const room = taken === 0 ? left : share - taken;
      if (batch.byteLength > room && batches.length > 0) break;
      batches.push(batch);
      taken += batch.byteLength;
      assigned.position = batch.nextOffset;
    }
    this.bufferedBytes -= taken;
    this.#noteEnd();
    const hasTaken = this.#polled > first;
    if (this.isEmpty) this.#discard();
    return hasTaken ? taken : undefined;
  }

  #throwFailure(batches: readonly RecordBatch[]): number | undefined {
    this.#noteEnd();
    if (this.#failure === undefined) return 0;
    // What other partitions gave must not be lost: this one comes first in the next poll.
    if (batches.length > 0) return undefined;
    const { error } = this.#failure;
    this.#failure = undefined;
    this.timesUnknown = 0;
    this.answeredAt = Number.NEGATIVE_INFINITY;
    this.#lookedAt = Number.NEGATIVE_INFINITY;
    throw error;
  }

  #noteEnd(): void {
    if (this.end !== undefined) this.assigned.end = Math.max(this.end, this.assigned.position);
  }

  #discard(): void {
    this.#batches = [];
    this.#polled = 0;
    this.bufferedBytes = 0;
  }
}
