import type { Connection } from '@platformatic/kafka';
import type { Cluster } from '../wire/cluster.ts';
import { type FetchRequest, sendFetch } from './fetch-request.ts';
import type { PartitionAnswer } from './fetch-response.ts';

/** How long a broker may take to answer beyond the requested wait, ms. */
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

/** Whether a request is answered without a wait at the broker, or waits there until something comes. */
export type LaneKind = 'at once' | 'waiting';

/**
 * A consumer's three connections to each broker. A request that waits at the broker can't be withdrawn and blocks every
 * later one on its connection, so partitions known to have more would wait for quiet ones, such as tables. Requests
 * answered at once therefore have a lane of their own. The first of the other two waits for long; partitions that become
 * wanted meanwhile are fetched on the second, in short turns, until the first is free again.
 */
export class Lanes {
  readonly #cluster: Cluster;
  readonly #kinds: readonly {
    readonly kind: LaneKind;
    readonly purpose: string;
    readonly maxWaitMs: number;
  }[];
  readonly #lanes = new Map<number, readonly (readonly [LaneKind, Lane])[]>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#kinds = [
      { kind: 'at once', purpose: cluster.newPurpose('fetch'), maxWaitMs: 0 },
      { kind: 'waiting', purpose: cluster.newPurpose('long-fetch'), maxWaitMs: LONG_WAIT_MS },
      { kind: 'waiting', purpose: cluster.newPurpose('short-fetch'), maxWaitMs: SHORT_WAIT_MS },
    ];
  }

  /** A lane of that kind to the broker that is free; undefined when there is none. */
  free(broker: number, kind: LaneKind): Lane | undefined {
    let lanes = this.#lanes.get(broker);
    if (lanes === undefined) {
      lanes = this.#kinds.map((each) => [
        each.kind,
        new Lane(this.#cluster, broker, each.purpose, each.maxWaitMs),
      ]);
      this.#lanes.set(broker, lanes);
    }
    return lanes.find(([of, lane]) => of === kind && !lane.isBusy)?.[1];
  }

  /** Ends the connections, with the requests under way. */
  async close(): Promise<void> {
    await Promise.all(this.#kinds.map(({ purpose }) => this.#cluster.disconnect(purpose)));
  }
}
