import type { Connection } from '@platformatic/kafka';
import type { Cluster } from '../wire/cluster.ts';
import { type FetchRequest, sendFetch } from './fetch-request.ts';
import type { PartitionAnswer } from './fetch-response.ts';

/** How long a broker may take to answer beyond the wait that it is asked for, ms. */
const ANSWER_WITHIN_MS = 30_000;

/** A connection to one broker that carries one fetch at a time. */
export class Lane {
  /** How long a request waits at the broker for something to come. */
  readonly maxWaitMs: number;
  readonly #cluster: Cluster;
  readonly #broker: number;
  readonly #purpose: string;
  #connection: Connection | undefined;
  #isBusy = false;

  constructor(cluster: Cluster, broker: number, purpose: string, maxWaitMs: number) {
    this.#cluster = cluster;
    this.#broker = broker;
    this.#purpose = purpose;
    this.maxWaitMs = maxWaitMs;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /**
   * On an open connection the request is on its way before this returns, so that it is answered while the caller goes on to
   * process what it has.
   */
  async fetch(request: FetchRequest): Promise<readonly PartitionAnswer[]> {
    this.#isBusy = true;
    try {
      if (this.#connection?.isConnected() !== true) {
        this.#connection = await this.#cluster.connection(this.#broker, this.#purpose);
      }
      return await this.#answer(this.#connection, request);
    } finally {
      this.#isBusy = false;
    }
  }

  /** A broker that has been cut off says nothing: only without its connection another one is looked for. */
  async #answer(connection: Connection, request: FetchRequest): Promise<readonly PartitionAnswer[]> {
    const answered = new AbortController();
    const { signal } = answered;
    const isOverdue = this.#cluster.clock.sleep(request.maxWaitMs + ANSWER_WITHIN_MS, signal);
    void isOverdue.then(() => signal.aborted || connection.socket?.destroy());
    try {
      return await sendFetch(connection, request);
    } finally {
      answered.abort('answered');
    }
  }
}

/** As long as a quiet partition can wait without a request, ms. */
const LONG_WAIT_MS = 500;
/** As long as a partition may have to wait for its first request, ms. */
const SHORT_WAIT_MS = 10;

/**
 * The two ways that a consumer has to each broker. A request can't be called back while it waits at the broker, and holds up
 * every later one of its connection: a partition that is resumed, assigned or has room again meanwhile would have to wait
 * for the others to get something. So the first lane waits for long, and what becomes wanted while it does so is asked for
 * on the second one, in short turns, until the first one is free again.
 */
export class Lanes {
  readonly #cluster: Cluster;
  readonly #purposes: readonly [string, string];
  readonly #lanes = new Map<number, readonly Lane[]>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#purposes = [cluster.newPurpose('fetch'), cluster.newPurpose('short-fetch')];
  }

  /** A lane to the broker that is free; undefined when there is none. */
  free(broker: number): Lane | undefined {
    let lanes = this.#lanes.get(broker);
    if (lanes === undefined) {
      const [long, short] = this.#purposes;
      lanes = [
        new Lane(this.#cluster, broker, long, LONG_WAIT_MS),
        new Lane(this.#cluster, broker, short, SHORT_WAIT_MS),
      ];
      this.#lanes.set(broker, lanes);
    }
    return lanes.find((lane) => !lane.isBusy);
  }

  /** Ends the connections, with the requests under way. */
  async close(): Promise<void> {
    await Promise.all(this.#purposes.map((purpose) => this.#cluster.disconnect(purpose)));
  }
}
