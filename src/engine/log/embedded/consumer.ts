import { scheduler } from 'node:timers/promises';
import type { Clock } from '#platform';
import { EmptyBatch, StoredBatch } from '../batch.ts';
import { logClosed, offsetOutOfRange, unknownTopic } from '../errors.ts';
import type { Consumer, ConsumerOptions, RecordBatch, TopicPartition } from '../port.ts';
import type { CommitWatch } from './commit-watch.ts';
import type { Reader } from './reader.ts';

type Assigned = {
  readonly topic: string;
  readonly partition: number;
  position: number;
  /** Looked up at the first poll. */
  id: number | undefined;
  end: number | undefined;
  paused: boolean;
  /** A running guess, so that a poll asks for about as many batches as it may return. */
  batchBytes: number;
};

const defaultMaxBytes = 1024 * 1024;
/** The first row may lie wholly before the position. */
const minRows = 2;
const maxRows = 512;
/** A reader that never has to wait must still let timers and sockets of its thread have their turn. */
const yieldAfterMs = 8;

const nameOf = (at: TopicPartition) => `${at.topic}/${at.partition}`;

export class EmbeddedConsumer implements Consumer {
  readonly #reader: Reader;
  readonly #watch: CommitWatch;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #onClose: (consumer: EmbeddedConsumer) => void;
  #assigned = new Map<string, Assigned>();
  #order: Assigned[] = [];
  #turn = 0;
  #closed = false;
  #waiting: AbortController | undefined;
  #yieldedAt: number;

  constructor(
    reader: Reader,
    watch: CommitWatch,
    clock: Clock,
    options: ConsumerOptions,
    onClose: (consumer: EmbeddedConsumer) => void,
  ) {
    this.#reader = reader;
    this.#watch = watch;
    this.#clock = clock;
    this.#maxBytes = options.maxBytes ?? defaultMaxBytes;
    this.#onClose = onClose;
    this.#yieldedAt = clock.monotonic();
  }

  assign(positions: readonly (TopicPartition & { readonly offset: number })[]): void {
    this.#assertOpen();
    this.#order = positions.map(({ topic, partition, offset }) => ({
      topic,
      partition,
      position: offset,
      id: undefined,
      end: undefined,
      paused: false,
      batchBytes: 8192,
    }));
    this.#assigned = new Map(this.#order.map((assigned) => [nameOf(assigned), assigned]));
    this.#turn = 0;
    this.#waiting?.abort();
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, true);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, false);
    this.#waiting?.abort();
  }

  #setPaused(partitions: readonly TopicPartition[], paused: boolean): void {
    this.#assertOpen();
    for (const at of partitions) {
      const assigned = this.#assigned.get(nameOf(at));
      if (assigned !== undefined) assigned.paused = paused;
    }
  }

  async poll(timeoutMs: number): Promise<readonly RecordBatch[]> {
    this.#assertOpen();
    await this.#letOthersRun();
    const until = this.#clock.monotonic() + timeoutMs;
    for (;;) {
      this.#assertOpen();
      const seen = this.#watch.version();
      const batches = this.#fetch();
      if (batches.length > 0) return batches;
      const remainingMs = until - this.#clock.monotonic();
      if (remainingMs <= 0) return batches;
      this.#waiting = new AbortController();
      await this.#watch.changed(seen, remainingMs, this.#waiting.signal);
      this.#waiting = undefined;
      this.#yieldedAt = this.#clock.monotonic();
    }
  }

  async #letOthersRun(): Promise<void> {
    if (this.#clock.monotonic() - this.#yieldedAt < yieldAfterMs) return;
    await scheduler.yield();
    this.#yieldedAt = this.#clock.monotonic();
  }

  /** What is there, from the partition after the one where the last poll ended. */
  #fetch(): RecordBatch[] {
    const batches: RecordBatch[] = [];
    let budget = this.#maxBytes;
    const first = this.#turn;
    for (let i = 0; i < this.#order.length && budget > 0; i++) {
      const index = (first + i) % this.#order.length;
      const assigned = this.#order[index] as Assigned;
      if (assigned.paused) continue;
      budget = this.#fetchPartition(assigned, budget, batches);
      this.#turn = index + 1;
    }
    return batches;
  }

  /** Returns what is left of the budget. The first batch of a poll may exceed it. */
  #fetchPartition(assigned: Assigned, budget: number, batches: RecordBatch[]): number {
    const { topic, partition } = assigned;
    assigned.id ??= this.#reader.partition(assigned).id;
    const offsets = this.#reader.offsets(assigned.id);
    if (offsets === undefined) throw unknownTopic(topic);
    const [start, end] = offsets;
    const { position } = assigned;
    if (!(position >= start && position <= end)) throw offsetOutOfRange(assigned, position, start, end);
    assigned.end = end;
    if (position === end) return budget;
    const limit = Math.max(minRows, Math.min(maxRows, Math.ceil(budget / assigned.batchBytes)));
    const rows = this.#reader.fetch(assigned.id, position, limit);
    let taken = 0;
    let left = budget;
    let next = position;
    for (const [base, bytes] of rows) {
      if (batches.length > 0 && bytes.length > left) break;
      taken++;
      const batch = new StoredBatch(topic, partition, base, bytes, position);
      // What precedes the position may be all that compaction has left of its batch.
      if (batch.nextOffset <= position) continue;
      batches.push(batch);
      left -= bytes.length;
      next = batch.nextOffset;
      assigned.batchBytes = (assigned.batchBytes * 3 + bytes.length) / 4;
    }
    if (taken === rows.length && rows.length < limit && next < end) {
      batches.push(new EmptyBatch(topic, partition, next, end));
      next = end;
    }
    assigned.position = next;
    assigned.end = Math.max(end, next);
    return left;
  }

  end(at: TopicPartition): number | undefined {
    return this.#assigned.get(nameOf(at))?.end;
  }

  position(at: TopicPartition): number | undefined {
    return this.#assigned.get(nameOf(at))?.position;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting?.abort();
    this.#onClose(this);
  }

  #assertOpen(): void {
    if (this.#closed) throw logClosed();
  }
}
