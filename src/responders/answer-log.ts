import { TopicWriter } from '#engine';
import type { Log } from '#log';
import { type Clock, type Counter, type Logger, type Metrics, RetryableError } from '#platform';
import type { Answer } from '#schemas';
import type { Topics } from '#topologies';

/** Answers that may wait: some seconds of a full load. */
const CAPACITY = 10_000;
const BATCH = 500;
/** Each write is a commit of the log: at a low rate, answers wait for company. */
const LINGER_MS = 20;
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

/**
 * Writes answers behind the requests that they were given to, in their order. A slow log delays no answer: what does
 * not fit, or cannot be written, is dropped and counted.
 */
export class AnswerLog {
  readonly #writer: TopicWriter<string, Answer>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #dropped: Counter<'reason'>;
  #queue: Answer[] = [];
  #writing: Promise<void> | undefined;
  readonly #closing = new AbortController();

  private constructor({ clock, logger, metrics }: AnswerLogOptions, writer: TopicWriter<string, Answer>) {
    this.#writer = writer;
    this.#clock = clock;
    this.#logger = logger;
    this.#dropped = metrics.counter('answers_dropped_total', 'Answers that were not logged.', ['reason']);
  }

  static async open(options: AnswerLogOptions): Promise<AnswerLog> {
    return new AnswerLog(options, await TopicWriter.open(options.log, options.topics.answers));
  }

  add(answer: Answer): void {
    if (this.#queue.length >= CAPACITY) {
      this.#dropped.inc({ reason: 'queue-full' });
      return;
    }
    this.#queue.push(answer);
    this.#writing ??= this.#write();
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
        await this.#writer.write(batch.map((value) => ({ key: keyOf(value), value, timestamp: value.ts })));
      } catch (err) {
        const hopeless = this.#closing.signal.aborted && ++attempts >= LAST_ATTEMPTS;
        if (err instanceof RetryableError && !hopeless) {
          this.#logger.warn({ err }, 'answers could not be logged; trying again');
          await this.#clock.sleep(RETRY_MS);
          continue;
        }
        this.#logger.error({ err, answers: batch.length }, 'answers could not be logged and are dropped');
        this.#dropped.inc({ reason: 'log-failed' }, batch.length);
      }
      this.#queue.splice(0, batch.length);
    }
    this.#writing = undefined;
  }
}

/** By user, with whose events it is joined; answers to nobody in particular spread over the partitions. */
function keyOf({ user_id, request_id }: Answer): string {
  return user_id === NO_USER ? request_id : user_id;
}
