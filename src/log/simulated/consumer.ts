import type { Clock } from '#platform';
import { AssignedConsumer } from '../assigned-consumer.ts';
import type { Fetch } from '../assignment.ts';
import { logClosed, offsetOutOfRange } from '../errors.ts';
import type { ConsumerOptions, RecordBatch } from '../port.ts';
import { StoredBatch } from '../stored-batch.ts';
import type { Broker } from './broker.ts';
import type { Client } from './client.ts';
import type { Isolation } from './partition.ts';

export class SimulatedConsumer extends AssignedConsumer {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #broker: Broker;
  readonly #isolation: Isolation;
  readonly #ended = new AbortController();
  readonly #onClientEnd = () => this.#ended.abort();

  constructor(client: Client, broker: Broker, clock: Clock, options: ConsumerOptions) {
    super(options);
    this.#client = client;
    this.#broker = broker;
    this.#clock = clock;
    this.#isolation = options.isolation ?? 'read-committed';
    client.ended.addEventListener('abort', this.#onClientEnd);
  }

  async poll(timeoutMs: number): Promise<readonly RecordBatch[]> {
    this.assertOpen();
    const until = this.#clock.monotonic() + timeoutMs;
    await this.#client.delay();
    this.#client.assertReachable();
    for (;;) {
      this.assertOpen();
      const batches = this.assignment.fetch(this.#fetch);
      const remainingMs = until - this.#clock.monotonic();
      if (batches.length > 0 || remainingMs <= 0) return batches;
      // By what the sleep says, not by the time: a clock moved by hand may stand still.
      if ((await this.#client.changed(remainingMs, this.#ended.signal)) === 'timeout') {
        this.assertOpen();
        return this.assignment.fetch(this.#fetch);
      }
    }
  }

  readonly #fetch: Fetch = (assigned, left, share, batches) => {
    const partition = this.#broker.partition(assigned);
    const { start, stable, end } = partition.offsets;
    const { position } = assigned;
    if (!(position >= start && position <= end)) throw offsetOutOfRange(assigned, position, start, end);
    const limit = this.#isolation === 'read-committed' ? stable : end;
    assigned.end = limit;
    if (position >= limit) return 0;
    const read = partition.read(position, this.#isolation, left, share, batches.length === 0);
    let taken = 0;
    for (const batch of read) {
      batches.push(batch);
      taken += batch instanceof StoredBatch ? batch.byteLength : 0;
    }
    const last = read.at(-1);
    if (last === undefined) return undefined;
    assigned.position = last.nextOffset;
    return taken;
  };

  async close(): Promise<void> {
    this.#client.ended.removeEventListener('abort', this.#onClientEnd);
    this.#ended.abort();
  }

  protected wake(): void {
    this.#broker.notify();
  }

  protected assertOpen(): void {
    if (this.#ended.signal.aborted || this.#client.closed) throw logClosed();
  }
}
