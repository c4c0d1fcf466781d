import type { Clock } from './clock.ts';

export type BackoffOptions = {
  /** Pause after the first failure, ms; it doubles with each further one. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** Uniform in [0, 1): scales each pause by 0.5 to 1.5, so that many clients do not come back at once. */
  readonly random?: () => number;
};

/** Pause after this many failures in a row (at least 1), ms. */
export function backoffMs({ firstMs, longestMs, random }: BackoffOptions, failures: number): number {
  const ms = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return random === undefined ? ms : ms * (0.5 + random());
}

/** Exponential back-off on a clock: counts failures in a row and waits longer after each, until `reset`. */
export class Backoff {
  readonly #clock: Clock;
  readonly #options: BackoffOptions;
  #failures = 0;
  #waits = 0;

  constructor(clock: Clock, options: BackoffOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  get failures(): number {
    return this.#failures;
  }

  get isWaiting(): boolean {
    return this.#waits > 0;
  }

  /** Counts a failure and returns the pause that is due, ms, for callers that cut it short or report it. */
  failed(): number {
    return backoffMs(this.#options, ++this.#failures);
  }

  /** Counts a failure and sleeps, until `signal` aborts at the latest. */
  async wait(signal: AbortSignal | undefined): Promise<void> {
    this.#waits++;
    await this.#clock.sleep(this.failed(), signal);
    this.#waits--;
  }

  reset(): void {
    this.#failures = 0;
  }
}
