const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/**
 * When to try again: after a failure in half a second, then twice as late each time up to half a minute, with
 * jitter so that many do not come back at once.
 */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;
  #readyAt = Number.NEGATIVE_INFINITY;

  constructor(random: () => number) {
    this.#random = random;
  }

  ready(now: number): boolean {
    return now >= this.#readyAt;
  }

  /** Several calls that fail together count as one: false when the pause had begun already. */
  failed(now: number): boolean {
    if (!this.ready(now)) return false;
    const delay = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++);
    this.#readyAt = now + delay * (0.5 + 0.5 * this.#random());
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
  }
}
