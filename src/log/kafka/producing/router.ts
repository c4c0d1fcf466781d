import { backoffMs, RetryableError } from '#platform';
import { unknownTopic } from '../../errors.ts';
import type { Cluster } from '../wire/cluster.ts';
import { BrokerError } from '../wire/kafka-errors.ts';
import { UNKNOWN_TOPIC_MS } from '../wire/leaders.ts';
import { type ChannelOptions, LeaderChannel, type Recipient } from './leader-channel.ts';
import type { Batch, PartitionQueue } from './partition-queue.ts';

/** What the router asks of who fills the queues. */
export interface Dispatcher extends Recipient {
  /** Gives up what has waited in the queue for longer than it may. */
  expire(queue: PartitionQueue, now: number): void;
  /** Nothing that waits in the queue can be appended. */
  failWaiting(queue: PartitionQueue, error: unknown): void;
  /** The queue's next batch must be sought in the log; the queue is paused until then. */
  seek(queue: PartitionQueue, batch: Batch): void;
  /** The queue must go on under a new producer id; it is paused until then. */
  renew(queue: PartitionQueue): void;
}

const BACKOFF = { firstMs: 10, longestMs: 1_000 };

/** Leads each queue to the broker that leads its partition now, and holds it back for a while where that fails. */
export class Router {
  readonly #cluster: Cluster;
  readonly #dispatcher: Dispatcher;
  readonly #options: Omit<ChannelOptions, 'broker'>;
  readonly #channels = new Map<number, LeaderChannel>();
  /** Queues in which something waits; those that were served last stand behind the others. */
  readonly #ready = new Set<PartitionQueue>();
  #isScheduled = false;
  #isStopped = false;

  constructor(cluster: Cluster, dispatcher: Dispatcher, options: Omit<ChannelOptions, 'broker'>) {
    this.#cluster = cluster;
    this.#dispatcher = dispatcher;
    this.#options = options;
  }

  /** Something waits in the queue: it goes at the end of this turn of the event loop, together with what else has come. */
  add(queue: PartitionQueue): void {
    this.#ready.add(queue);
    this.schedule();
  }

  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (!this.#isStopped) this.#route();
    });
  }

  /** Sends nothing until `start`. */
  stop(): void {
    this.#isStopped = true;
    this.#ready.clear();
  }

  start(): void {
    this.#isStopped = false;
  }

  /** Leaves the queue alone for a while, longer each time; meanwhile the brokers may be asked who leads its partition. */
  pause(queue: PartitionQueue, error: unknown, looksUp: boolean): void {
    const { clock, logger, random } = this.#cluster;
    const { topic, partition } = queue;
    if (looksUp) this.#lookUp(queue);
    if (queue.isPaused) return;
    queue.isPaused = true;
    if (queue.failures === 0) logger?.warn({ topic, partition, err: error }, 'an append is retried');
    const pauseMs = backoffMs({ ...BACKOFF, random }, ++queue.failures);
    void clock.sleep(pauseMs, this.#options.signal).then(() => this.resume(queue));
  }

  resume(queue: PartitionQueue): void {
    queue.isPaused = false;
    this.schedule();
  }

  #route(): void {
    const now = this.#cluster.clock.monotonic();
    const byLeader = new Map<number, PartitionQueue[]>();
    for (const queue of this.#ready) {
      this.#dispatcher.expire(queue, now);
      if (!queue.isWaiting) this.#ready.delete(queue);
      else if (queue.isPaused) continue;
      else if (queue.sought !== undefined) this.#dispatcher.seek(queue, queue.sought);
      else if (queue.needsProducerId) this.#dispatcher.renew(queue);
      else this.#sort(queue, now, byLeader);
    }
    for (const [leader, queues] of byLeader) {
      this.#channel(leader).send(queues);
      for (const queue of queues) {
        this.#ready.delete(queue);
        if (queue.isWaiting) this.#ready.add(queue);
      }
    }
  }

  #sort(queue: PartitionQueue, now: number, byLeader: Map<number, PartitionQueue[]>): void {
    const { topic, partition } = queue;
    const metadata = this.#cluster.cachedTopic(topic);
    const leader = metadata?.leaders[partition];
    if (leader === undefined) queue.unknownSince ??= now;
    if (queue.unknownSince !== undefined && now - queue.unknownSince > UNKNOWN_TOPIC_MS) {
      queue.unknownSince = undefined;
      this.#dispatcher.failWaiting(queue, unknownTopic(topic, metadata && partition));
    } else if (leader === undefined || leader < 0) {
      this.pause(queue, new BrokerError('LEADER_NOT_AVAILABLE', `${topic}/${partition}`), true);
    } else {
      const queues = byLeader.get(leader);
      if (queues === undefined) byLeader.set(leader, [queue]);
      else queues.push(queue);
    }
  }

  #channel(broker: number): LeaderChannel {
    let channel = this.#channels.get(broker);
    if (channel === undefined) {
      channel = new LeaderChannel(this.#cluster, this.#dispatcher, { ...this.#options, broker });
      this.#channels.set(broker, channel);
    }
    return channel;
  }

  #lookUp(queue: PartitionQueue): void {
    this.#cluster.refresh([queue.topic]).catch((error: unknown) => {
      // Brokers that don't answer now may do so before time is up.
      if (!(error instanceof RetryableError)) this.#dispatcher.failWaiting(queue, error);
    });
  }
}
