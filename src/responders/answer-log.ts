import { type OutgoingRecord, type Topic, TopicWriter } from '#engine';
import type { Log } from '#log';
import { type Clock, type Counter, type Logger, type Metrics, RetryableError } from '#platform';
import type { Answer } from '#schemas';
import type { Topics } from '#topologies';

/** Answers that may wait: some seconds of a full load. */
const CAPACITY = 10_000;
/** Bytes that they may take: answers with all their candidates take 10 to 30 KiB each. */
const CAPACITY_BYTES = 64 * 1024 * 1024;
const BATCH = 500;
/** Each write is a commit of the log: at a low rate, answers wait for company. */
const LINGER_MS = 50;
const RETRY_MS = 100;
/** How often a batch is tried again while closing. */
const LAST_ATTEMPTS = 20;

/** The user of an answer to one who has no name on the log, or has opted out: whose it was is written nowhere. */
export const NO_USER = '';

export type AnswerLogOptions = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'answers'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

type Waiting = {
  readonly requestId: string;
  readonly key: string;
  readonly ts: number;
  readonly bytes: Buffer;
  readonly traceparent: string | undefined;
};

/**
 * Writes answers behind the requests that they were given to, in their order. A slow log delays no answer: what does
 * not fit, or cannot be written, is dropped and counted. Answers wait as bytes, so that their memory is bounded, and
 * encoding is spread over the requests instead of holding up the event loop for a batch of them.
 */
export class AnswerLog {
  readonly #topic: Topic<string, Answer>;
  readonly #writer: TopicWriter<string, Buffer>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #dropped: Counter<'reason'>;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;
  readonly #closing = new AbortController();

  private constructor(
    { topics, clock, logger, metrics }: AnswerLogOptions,
    writer: TopicWriter<string, Buffer>,
  ) {
    this.#topic = topics.answers;
    this.#writer = writer;
    this.#clock = clock;
    this.#logger = logger;
    this.#dropped = metrics.counter('answers_dropped_total', 'Answers that were not logged.', ['reason']);
  }

  static async open(options: AnswerLogOptions): Promise<AnswerLog> {
    return new AnswerLog(options, await TopicWriter.open(options.log, encoded(options.topics.answers)));
  }

  /** `traceparent` becomes a header of the record. */
  add(answer: Answer, traceparent?: string): void {
    if (this.#queue.length >= CAPACITY) {
      this.#dropped.inc({ reason: 'queue-full' });
      return;
    }
    const bytes = this.#encoded(answer);
    if (bytes === undefined) return;
    if (this.#queuedBytes + bytes.length > CAPACITY_BYTES) {
      this.#dropped.inc({ reason: 'queue-bytes' });
      return;
    }
    this.#queuedBytes += bytes.length;
    const { request_id: requestId, ts } = answer;
    this.#queue.push({ requestId, key: keyOf(answer), ts, bytes, traceparent });
    this.#writing ??= this.#write();
  }

  /** Whether an answer waits to be written. */
  isPending(requestId: string): boolean {
    return this.#queue.some((waiting) => waiting.requestId === requestId);
  }

  /** Writes what waits; gives up after two seconds of failures. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
    await this.#writer.close();
  }

  async #write(): Promise<void> {
    let attempts = 0;
    await this.#clock.sleep(LINGER_MS, this.#closing.signal);
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, BATCH);
      try {
        await this.#writer.write(batch.map(recordOf));
      } catch (err) {
        const hopeless = this.#closing.signal.aborted && ++attempts >= LAST_ATTEMPTS;
        if (err instanceof RetryableError && !hopeless) {
          this.#logger.warn({ err }, 'answers could not be logged; trying again');
          await this.#clock.sleep(RETRY_MS);
          continue;
        }
        this.#fail(err, batch.length);
      }
      this.#queue.splice(0, batch.length);
      for (const { bytes } of batch) this.#queuedBytes -= bytes.length;
    }
    this.#writing = undefined;
  }

  /** Undefined for an answer that can't be: it was given all the same. */
  #encoded(answer: Answer): Buffer | undefined {
    try {
      return this.#topic.value.encode(answer);
    } catch (err) {
      this.#fail(err, 1);
      return undefined;
    }
  }

  #fail(err: unknown, answers: number): void {
    this.#logger.error({ err, answers }, 'answers could not be logged and are dropped');
    this.#dropped.inc({ reason: 'log-failed' }, answers);
  }
}

/** The topic with values that are encoded already. */
function encoded({ name, partitions, cleanup, key, value }: Topic<string, Answer>): Topic<string, Buffer> {
  const { prepare, fingerprint, framing } = value;
  const asTheyAre = (bytes: Buffer) => bytes;
  return {
    ...{ name, partitions, cleanup, key },
    value: { encode: asTheyAre, decode: asTheyAre, prepare, fingerprint, framing },
  };
}

function recordOf({ key, ts, bytes, traceparent }: Waiting): OutgoingRecord<string, Buffer> {
  const headers = traceparent === undefined ? [] : [['traceparent', Buffer.from(traceparent)] as const];
  return { key, value: bytes, timestamp: ts, headers };
}

/** By user, with whose events it is joined; answers to nobody in particular spread over the partitions. */
function keyOf({ user_id, request_id }: Pick<Answer, 'user_id' | 'request_id'>): string {
  return user_id === NO_USER ? request_id : user_id;
}
