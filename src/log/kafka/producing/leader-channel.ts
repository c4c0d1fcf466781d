import type { Connection } from '@platformatic/kafka';
import type { Cluster } from '../wire/cluster.ts';
import { BrokerError } from '../wire/kafka-errors.ts';
import type { Batch, PartitionQueue } from './partition-queue.ts';
import type { ProduceAnswer, produceV11 } from './produce-request.ts';

/** A batch in a request, with the queue that it comes from. */
export type Sent = { readonly queue: PartitionQueue; readonly batch: Batch };

/** What becomes of requests. Every batch sent comes back by one of these, once. */
export interface Recipient {
  /** The batch's bytes, as it is to be sent; the same each time. */
  encode(sent: Sent): Buffer;
  answered(sent: Sent, answer: ProduceAnswer): void;
  /** The request had no answer. */
  lost(sent: Sent, error: unknown): void;
  /** The broker can't be reached: nothing was sent. */
  unreachable(queues: readonly PartitionQueue[], error: unknown): void;
  /** There is room for more. */
  freed(): void;
}

export type ChannelOptions = {
  readonly broker: number;
  /** Names the connection, which is the producer's own: no other's requests hold it up. */
  readonly purpose: string;
  readonly transactionalId: string | null;
  readonly produce: typeof produceV11;
  /** Ends the watch over requests. */
  readonly signal: AbortSignal;
};

const MOST_REQUESTS = 5;
const REQUEST_BYTES = 2 * 1024 * 1024;
/** Longer than a leader waits for its followers: the connection is given up, and all that is on it. */
const ANSWER_TIMEOUT_MS = 40_000;

/** The way to one broker: requests of one batch a partition for several partitions, in order, five at a time. */
export class LeaderChannel {
  readonly #cluster: Cluster;
  readonly #recipient: Recipient;
  readonly #options: ChannelOptions;
  #connection: Connection | undefined;
  #isConnecting = false;
  /** When each request on the way was sent, by the monotonic clock. */
  readonly #sentAt = new Set<{ readonly atMs: number }>();
  #isWatched = false;

  constructor(cluster: Cluster, recipient: Recipient, options: ChannelOptions) {
    this.#cluster = cluster;
    this.#recipient = recipient;
    this.#options = options;
  }

  /** Sends what the queues can give now; `freed` tells when to ask again. */
  send(queues: readonly PartitionQueue[]): void {
    const connection = this.#connection;
    if (connection?.isConnected() !== true) {
      if (!this.#isConnecting) void this.#connect(queues);
      return;
    }
    // A partition has one batch in a request: more of them go in the next one.
    for (let next = 0; this.#sentAt.size < MOST_REQUESTS && queues.some((queue) => this.#canTake(queue)); ) {
      const request: Sent[] = [];
      let bytes = 0;
      const first = next;
      do {
        const queue = queues[next] as PartitionQueue;
        next = (next + 1) % queues.length;
        if (!this.#canTake(queue)) continue;
        const sent = { queue, batch: queue.take(connection) };
        request.push(sent);
        bytes += this.#recipient.encode(sent).length;
      } while (next !== first && bytes < REQUEST_BYTES);
      void this.#request(connection, request);
    }
  }

  #canTake(queue: PartitionQueue): boolean {
    return queue.canTake(this.#connection, this.#cluster.clock.monotonic());
  }

  async #connect(queues: readonly PartitionQueue[]): Promise<void> {
    this.#isConnecting = true;
    const { broker, purpose } = this.#options;
    try {
      const connection = await this.#cluster.connection(broker, purpose);
      // It may be ending, or logging in again: asking for it again at once would leave it no time for that.
      if (!connection.isConnected())
        throw new BrokerError('NETWORK_EXCEPTION', `connecting to broker ${broker}`);
      this.#connection = connection;
    } catch (error) {
      this.#recipient.unreachable(queues, error);
    } finally {
      this.#isConnecting = false;
      this.#recipient.freed();
    }
  }

  async #request(connection: Connection, request: readonly Sent[]): Promise<void> {
    const batches = request.map((sent) => ({
      topic: this.#cluster.prefixed(sent.queue.topic),
      partition: sent.queue.partition,
      bytes: this.#recipient.encode(sent),
    }));
    const sentAt = { atMs: this.#cluster.clock.monotonic() };
    this.#sentAt.add(sentAt);
    if (!this.#isWatched) void this.#watch();
    let answers: readonly ProduceAnswer[] = [];
    let failure: unknown = new Error("a broker's response lacks a partition");
    try {
      const { produce, transactionalId } = this.#options;
      answers = await produce.async(connection, transactionalId, batches);
    } catch (error) {
      failure = error;
    }
    this.#sentAt.delete(sentAt);
    const byPartition = new Map(answers.map((answer) => [`${answer.topic}/${answer.partition}`, answer]));
    for (const [i, sent] of request.entries()) {
      const { topic, partition } = batches[i] as (typeof batches)[number];
      const answer = byPartition.get(`${topic}/${partition}`);
      if (answer === undefined) this.#recipient.lost(sent, failure);
      else this.#recipient.answered(sent, answer);
    }
    this.#recipient.freed();
  }

  /** Breaks the connection when a request gets no answer: later ones won't either. */
  async #watch(): Promise<void> {
    const { clock } = this.#cluster;
    const { signal } = this.#options;
    this.#isWatched = true;
    for (;;) {
      const [oldest] = this.#sentAt;
      if (oldest === undefined || signal.aborted) break;
      const remainingMs = oldest.atMs + ANSWER_TIMEOUT_MS - clock.monotonic();
      if (remainingMs <= 0) {
        this.#connection?.socket.destroy();
        break;
      }
      await clock.sleep(remainingMs, signal);
    }
    this.#isWatched = false;
  }
}
