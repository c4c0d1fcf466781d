/** A watermark that has no records to travel with is announced in one of this many commits. */
const ANNOUNCE_EVERY_COMMITS = 5;

/** Share of the commit interval for which the first records after a pause wait for more. */
const GATHERING_SHARE = 0.1;

/** Share of the commit interval that passes between two commits when nothing waits to be read. */
const LEAST_PAUSE_SHARE = 0.25;

/** When a member commits. Times are monotonic, ms. */
export class CommitCadence {
  readonly #intervalMs: number;
  readonly #catchUpMs: number;
  /** From when on the next commit's interval counts. */
  #since = 0;
  #lastAnnounced = 0;

  /** `catchUpMs`: the interval while there is more to read than a round takes. */
  constructor(intervalMs: number, catchUpMs = intervalMs) {
    this.#intervalMs = intervalMs;
    this.#catchUpMs = catchUpMs;
  }

  /** How long after `now` the next commit is due. */
  untilDue(now: number): number {
    return this.#since + this.#intervalMs - now;
  }

  isDue(now: number, isBehind: boolean): boolean {
    const sinceMs = now - this.#since;
    return sinceMs >= this.#intervalMs && !(isBehind && sinceMs < this.#catchUpMs);
  }

  /** What comes now has nothing before it to wait with for the rest of an interval. */
  endPause(now: number): void {
    this.#since = Math.max(this.#since, now - (1 - GATHERING_SHARE) * this.#intervalMs);
  }

  /**
   * The interval counts from the start of a commit, so that records arriving during it do not also wait for its duration;
   * between long commits, a quarter of the interval remains. A task that is behind counts from the commit's end, as
   * fewer commits matter more then.
   */
  committed(begun: number, ended: number, isBehind: boolean): void {
    const leastPause = ended - (1 - LEAST_PAUSE_SHARE) * this.#intervalMs;
    this.#since = isBehind ? ended : Math.max(begun, leastPause);
  }

  /** Whether a commit at `now` is one of those that announce watermarks; to be followed by `announced`. */
  announces(now: number): boolean {
    return now - this.#lastAnnounced >= ANNOUNCE_EVERY_COMMITS * this.#intervalMs;
  }

  announced(now: number): void {
    this.#lastAnnounced = now;
  }
}
