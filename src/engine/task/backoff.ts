import { type Clock, errorCode, RetryableError } from '#platform';

const FIRST_MS = 100;
const LONGEST_MS = 5_000;
/** With these waits it takes about five minutes to get there. */
const MOST_FAILURES = 60;

/** How long to wait after each of several failures in a row, and when to give up. */
export class Backoff {
  readonly #clock: Clock;
  #failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether an error is of the kind that passes, and has not come too often in a row. */
  allows(error: unknown): boolean {
    // Opening a task has waited for the lock already.
    const passes = error instanceof RetryableError && errorCode(error) !== 'MR_STORE_LOCKED';
    return passes && this.#failures < MOST_FAILURES;
  }

  async wait(signal: AbortSignal | undefined): Promise<void> {
    const ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++);
    await this.#clock.sleep(ms, signal);
  }

  reset(): void {
    this.#failures = 0;
  }
}
