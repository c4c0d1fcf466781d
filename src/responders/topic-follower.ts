import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type Topic, TopicReader, type TopicReaderOptions, type TopicRecord } from '#engine';
import type { Log } from '#log';
import { type Clock, type Counter, type Logger, type Metrics, RetryableError, type Tracing } from '#platform';
import type { TracedChanges } from './traced-changes.ts';

export type FollowerEnvironment = {
  readonly log: Log;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where records with a sampled trace context get spans, and which users they have changed. */
  readonly tracing?: Tracing | undefined;
  readonly changes?: TracedChanges | undefined;
};

/** While following, a poll returns as soon as there is something; this bounds nothing but an idle wait. */
const POLL_MS = 1_000;
const CATCH_UP_POLL_MS = 10;
const RETRY_MS = 200;
/** Requests wait for a slice of what was polled at most: a poll at the start of a large topic has thousands of records. */
const SLICE_MS = 2;

export function undecodableRecords(metrics: Metrics): Counter<'topic'> {
  const help = 'Records and rows that were skipped because they could not be decoded.';
  return metrics.counter('responder_undecodable_total', help, ['topic']);
}

/**
 * Reads a topic, from its start unless told otherwise, and goes on for as long as it is open, handing each record to `apply`. A passing
 * failure of the log is waited out; any other ends the following, and `notReady` says so. Records that cannot be
 * decoded are counted and left out.
 */
export class TopicFollower<V> {
  readonly #topic: string;
  readonly #reader: TopicReader<string, V>;
  readonly #apply: (record: TopicRecord<string, V>) => void;
  readonly #environment: FollowerEnvironment;
  readonly #closing = new AbortController();
  readonly #caughtUp = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #isCaughtUp = false;
  #failure: Error | undefined;

  private constructor(
    topic: string,
    reader: TopicReader<string, V>,
    apply: (record: TopicRecord<string, V>) => void,
    environment: FollowerEnvironment,
  ) {
    this.#topic = topic;
    this.#reader = reader;
    this.#apply = apply;
    this.#environment = environment;
    this.#caughtUp.promise.catch(() => {});
    this.#running = this.#run();
  }

  static async open<V>(
    environment: FollowerEnvironment,
    topic: Topic<string, V>,
    apply: (record: TopicRecord<string, V>) => void,
    from: TopicReaderOptions['from'] = 'start',
  ): Promise<TopicFollower<V>> {
    const { logger, metrics, log, tracing } = environment;
    const undecodable = undecodableRecords(metrics);
    const reader = await TopicReader.open(log, topic, {
      from,
      traced: tracing !== undefined,
      onUndecodable: (place, err) => {
        undecodable.inc({ topic: place.topic });
        logger.error({ err, ...place }, 'an undecodable record is skipped');
      },
    });
    return new TopicFollower(topic.name, reader, apply, environment);
  }

  /** Resolves when everything that was readable at some moment has been applied; rejects when that can't be. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  notReady(): string | undefined {
    if (this.#failure !== undefined)
      return `topic ${this.#topic} can't be followed: ${this.#failure.message}`;
    return this.#isCaughtUp ? undefined : `topic ${this.#topic} is being read`;
  }

  /** The latest event time that the topic's writers have announced; -Infinity when none has. */
  get watermark(): number {
    return this.#reader.newestWatermark;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reader.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#environment;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#applyAll(await this.#reader.poll(this.#isCaughtUp ? POLL_MS : CATCH_UP_POLL_MS));
        if (signal.aborted) break;
        if (!this.#isCaughtUp && this.#reader.isAtEnd) {
          this.#isCaughtUp = true;
          this.#caughtUp.resolve();
        }
      } catch (err) {
        if (signal.aborted) break;
        if (!(err instanceof RetryableError)) return this.#fail(err);
        logger.warn({ err, topic: this.#topic }, 'reading a topic failed; trying again');
        await clock.sleep(RETRY_MS, signal);
      }
    }
    this.#caughtUp.reject(
      new RetryableError('MR_RESPONDER_CLOSED', 'The responder was closed while it started.'),
    );
  }

  /** What is left when the follower is closed is not applied. */
  async #applyAll(records: readonly TopicRecord<string, V>[]): Promise<void> {
    const { clock } = this.#environment;
    let sliceEndsMs = clock.monotonic() + SLICE_MS;
    for (const record of records) {
      const { traceparent } = record;
      if (traceparent === undefined) this.#apply(record);
      else this.#applyTraced(record, traceparent);
      if (clock.monotonic() < sliceEndsMs) continue;
      await yieldToOthers();
      if (this.#closing.signal.aborted) return;
      sliceEndsMs = clock.monotonic() + SLICE_MS;
    }
  }

  #applyTraced(record: TopicRecord<string, V>, traceparent: string): void {
    const attributes = {
      'messaging.operation.type': 'process',
      'messaging.destination.name': this.#topic,
      'millrace.offset': record.offset,
    };
    const start = { kind: 'consumer', attributes } as const;
    const span = this.#environment.tracing?.child(`apply ${this.#topic}`, traceparent, start);
    this.#apply(record);
    span?.end();
  }

  #fail(error: unknown): void {
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#environment.logger.error({ err: error, topic: this.#topic }, 'a topic is no longer followed');
    this.#caughtUp.reject(this.#failure);
  }
}
