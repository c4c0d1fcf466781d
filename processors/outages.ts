/**
 * Tells events that come late since nobody could publish for a while from those that their producer has kept back: an
 * outage is a stretch of the wall clock, longer than events may be out of order, in which no event came at all.
 */
export class Outages {
  readonly #longerThanMs: number;
  #lastArrival: number | undefined;
  #last = { fromMs: 0, toMs: 0 };

  constructor(longerThanMs: number) {
    this.#longerThanMs = longerThanMs;
  }

  /** An event has come. */
  arrived(wallNow: number): void {
    const before = this.#lastArrival;
    this.#lastArrival = wallNow;
    if (before !== undefined && wallNow - before > this.#longerThanMs)
      this.#last = { fromMs: before, toMs: wallNow };
  }

  /** Whether an event of that time falls into the last outage, give or take how much events are out of order anyway. */
  cover(ts: number): boolean {
    return ts >= this.#last.fromMs - this.#longerThanMs && ts < this.#last.toMs;
  }
}
