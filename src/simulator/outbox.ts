import { Backoff, type Clock, type Logger } from '#platform';
import type { Interaction } from '#schemas';
import type { LiveCounter } from './live-tally.ts';

const BATCH = 500;
/** From this many waiting events on, agents begin nothing new. */
const FULL = 10_000;
/** Pauses after failures of the log and of the recommender. */
export const BACKOFF = { firstMs: 500, longestMs: 30_000 };

export type OutboxOptions = {
  readonly publish: (events: Interaction[]) => Promise<void>;
  readonly clock: Clock;
  /** Ends the pause after a failure. */
  readonly signal: AbortSignal;
  readonly random: () => number;
  readonly counter: LiveCounter;
  readonly logger: Logger | undefined;
};

/** Events that have happened and wait to be published: one batch at a time, in order, repeated until it succeeds. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #backoff: Backoff;
  #waiting: Interaction[] = [];
  #publishing: Promise<void> | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, { ...BACKOFF, random: options.random });
  }

  get full(): boolean {
    return this.#waiting.length >= FULL;
  }

  add(event: Interaction): void {
    this.#waiting.push(event);
  }

  /** Begins to publish what waits, unless a batch is under way or a pause after a failure has not ended. */
  send(): void {
    if (this.#publishing !== undefined || this.#waiting.length === 0) return;
    if (this.#backoff.isWaiting) return;
    this.#publishing = this.#publishAll().finally(() => {
      this.#publishing = undefined;
    });
  }

  /** Publishes what is left, each batch with a single try more; what fails then is counted as abandoned. */
  async close(): Promise<void> {
    await this.#publishing;
    while (this.#waiting.length > 0 && (await this.#publishBatch()));
    if (this.#waiting.length === 0) return;
    this.#options.counter.trouble('abandoned', this.#waiting.length);
    this.#options.logger?.warn(
      { events: this.#waiting.length },
      'events of live agents could not be published',
    );
    this.#waiting = [];
  }

  async #publishAll(): Promise<void> {
    while (this.#waiting.length > 0 && (await this.#publishBatch()));
  }

  /** True when the batch is out. Event ids make a repetition harmless. */
  async #publishBatch(): Promise<boolean> {
    const { publish, signal, counter, logger } = this.#options;
    const batch = this.#waiting.slice(0, BATCH);
    try {
      await publish(batch);
    } catch (err) {
      counter.trouble('publishFailures');
      logger?.warn({ err }, 'live agents could not publish; trying again');
      void this.#backoff.wait(signal);
      return false;
    }
    this.#backoff.reset();
    this.#waiting.splice(0, batch.length);
    counter.published(batch);
    return true;
  }
}
