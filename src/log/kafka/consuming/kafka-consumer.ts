import { scheduler } from 'node:timers/promises';
import { AssignedConsumer } from '../../assigned-consumer.ts';
import type { Fetch } from '../../assignment.ts';
import { logClosed } from '../../errors.ts';
import type { Consumer, ConsumerOptions, RecordBatch, TopicPartition } from '../../port.ts';
import type { Cluster } from '../wire/cluster.ts';
import { Fetching } from './fetching.ts';
import { Reading } from './reading.ts';

const DEFAULT_MAX_BYTES = 1024 * 1024;
/** Smaller answers cost more requests than they save memory. */
const LEAST_ANSWER_BYTES = 64 * 1024;
/** A reader that never has to wait must still let timers and sockets of its thread have their turn. */
const YIELD_AFTER_MS = 8;

export async function openConsumer(cluster: Cluster, options: ConsumerOptions = {}): Promise<Consumer> {
  if (cluster.closed) throw logClosed();
  return new KafkaConsumer(cluster, options);
}

/**
 * Returns what Fetching has brought. A poll may take longer than its time for the first answer of a partition, and for one that
 * it has not been polled for in a while (some round trips; not when the broker is unavailable): its caller would take an empty
 * result for the end of the log.
 */
class KafkaConsumer extends AssignedConsumer {
  readonly #cluster: Cluster;
  readonly #fetching: Fetching;
  #closed = false;
  #waiting: AbortController | undefined;
  #yieldedAt: number;

  constructor(cluster: Cluster, options: ConsumerOptions) {
    super(options);
    const { isolation = 'read-committed', maxBytes } = options;
    this.#cluster = cluster;
    cluster.opened.add(this);
    const answerBytes = Math.max(LEAST_ANSWER_BYTES, maxBytes ?? DEFAULT_MAX_BYTES);
    this.#fetching = new Fetching(cluster, { isolation, answerBytes }, () => this.wake());
    this.#yieldedAt = cluster.clock.monotonic();
  }

  override assign(positions: readonly (TopicPartition & { readonly offset: number })[]): void {
    super.assign(positions);
    const assigned = new Set(positions.flatMap((at) => this.assignment.of(at) ?? []));
    this.#fetching.assign([...assigned].map((each) => new Reading(each)));
  }

  async poll(timeoutMs: number): Promise<readonly RecordBatch[]> {
    this.assertOpen();
    const { clock } = this.#cluster;
    if (clock.monotonic() - this.#yieldedAt >= YIELD_AFTER_MS) await this.#letOthersRun();
    const until = clock.monotonic() + timeoutMs;
    for (let isOver = false; ; ) {
      this.assertOpen();
      this.#fetching.ask(true);
      const awaitedMs = this.#fetching.awaitedUntil - clock.monotonic();
      if (awaitedMs > 0) {
        await this.#arrival(awaitedMs);
        continue;
      }
      const batches = this.assignment.fetch(this.#take);
      if (batches.length > 0) {
        // The next answers come while the caller processes these.
        this.#fetching.ask();
        return batches;
      }
      if (isOver) return batches;
      const remainingMs = until - clock.monotonic();
      if (remainingMs > 0) await this.#arrival(remainingMs);
      else {
        await this.#letOthersRun();
        isOver = true;
      }
    }
  }

  readonly #take: Fetch = (assigned, left, share, batches) =>
    this.#fetching.of(assigned)?.take(left, share, batches) ?? 0;

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.wake();
    await this.#fetching.close();
    this.#cluster.opened.delete(this);
  }

  async #arrival(waitMs: number): Promise<void> {
    this.#waiting = new AbortController();
    await this.#cluster.clock.sleep(waitMs, this.#waiting.signal);
    this.#waiting = undefined;
    this.#yieldedAt = this.#cluster.clock.monotonic();
  }

  async #letOthersRun(): Promise<void> {
    await scheduler.yield();
    this.#yieldedAt = this.#cluster.clock.monotonic();
  }

  protected wake(): void {
    // With a reason: the error that is made without one costs more than the wait.
    this.#waiting?.abort('woken');
  }

  protected assertOpen(): void {
    if (this.#closed || this.#cluster.closed) throw logClosed();
  }
}
