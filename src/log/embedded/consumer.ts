import { scheduler } from 'node:timers/promises';
import type { Clock } from '#platform';
import { AssignedConsumer } from '../assigned-consumer.ts';
import type { Assigned, Fetch } from '../assignment.ts';
import { logClosed, offsetOutOfRange, unknownTopic } from '../errors.ts';
import type { ConsumerOptions, RecordBatch, TopicPartition } from '../port.ts';
import { EmptyBatch, FetchedBatch } from '../stored-batch.ts';
import type { CommitWatch } from './commit-watch.ts';
import { translated } from './database.ts';
import { unpack, unpackedLength } from './packed-batch.ts';
import type { Reader } from './reader.ts';

/** The first row may lie wholly before the position. */
const MIN_ROWS = 2;
const MAX_ROWS = 512;
/** A reader that never has to wait must still let timers and sockets of its thread have their turn. */
const YIELD_AFTER_MS = 8;

export class EmbeddedConsumer extends AssignedConsumer {
  readonly #reader: Reader;
  readonly #watch: CommitWatch;
  readonly #clock: Clock;
  /** Ids of the partitions, looked up when first read. */
  #ids = new Map<Assigned, number>();
  readonly #onClose: (consumer: EmbeddedConsumer) => void;
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
    super(options);
    this.#reader = reader;
    this.#watch = watch;
    this.#clock = clock;
    this.#onClose = onClose;
    this.#yieldedAt = clock.monotonic();
  }

  override assign(positions: readonly (TopicPartition & { readonly offset: number })[]): void {
    super.assign(positions);
    this.#ids = new Map();
  }

  async poll(timeoutMs: number): Promise<readonly RecordBatch[]> {
    this.assertOpen();
    await this.#letOthersRun();
    const until = this.#clock.monotonic() + timeoutMs;
    for (;;) {
      this.assertOpen();
      const seen = this.#watch.version();
      const batches = translated('log.sqlite', () => this.assignment.fetch(this.#fetch));
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
    if (this.#clock.monotonic() - this.#yieldedAt < YIELD_AFTER_MS) return;
    await scheduler.yield();
    this.#yieldedAt = this.#clock.monotonic();
  }

  readonly #fetch: Fetch = (assigned, left, share, batches) => {
    const { topic, partition, position } = assigned;
    const id = this.#ids.get(assigned) ?? this.#reader.partition(assigned).id;
    this.#ids.set(assigned, id);
    const offsets = this.#reader.offsets(id);
    if (offsets === undefined) throw unknownTopic(topic);
    const [start, end] = offsets;
    if (!(position >= start && position <= end)) throw offsetOutOfRange(assigned, position, start, end);
    assigned.end = end;
    if (position === end) return 0;
    const limit = Math.max(MIN_ROWS, Math.min(MAX_ROWS, Math.ceil(share / assigned.batchBytes)));
    const rows = this.#reader.fetch(id, position, limit);
    let seen = 0;
    let taken = 0;
    let next = position;
    for (const [base, stored] of rows) {
      const room = taken === 0 ? left : share - taken;
      if (unpackedLength(stored) > room && batches.length > 0) break;
      seen++;
      const bytes = unpack(stored, () => `${topic}/${partition} offset ${base}`);
      const batch = new FetchedBatch(topic, partition, base, bytes, position);
      // What precedes the position may be all that compaction has left of its batch.
      if (batch.nextOffset <= position) continue;
      batches.push(batch);
      taken += bytes.length;
      next = batch.nextOffset;
      assigned.batchBytes = (assigned.batchBytes * 3 + bytes.length) / 4;
    }
    if (seen === rows.length && rows.length < limit && next < end) {
      batches.push(new EmptyBatch(topic, partition, next, end));
      next = end;
    }
    assigned.position = next;
    assigned.end = Math.max(end, next);
    return next === position ? undefined : taken;
  };

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.wake();
    this.#onClose(this);
  }

  protected wake(): void {
    this.#waiting?.abort();
  }

  protected assertOpen(): void {
    if (this.#closed) throw logClosed();
  }
}
