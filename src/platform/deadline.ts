import type { Clock } from './clock.ts';

/** What a deadline made of a promise: its value, or nothing where time ran out first. */
export type InTime<T> = { readonly inTime: true; readonly value: T } | { readonly inTime: false };

const outOfTime = { inTime: false } as const;
/** Reason for a wait that is needed no more: without one each abort makes an exception with a stack trace. */
const SETTLED = 'settled';

/**
 * The time by which a request must be answered. It is passed down unchanged, so that every wait, a queue's included,
 * counts against the same budget; a step that must leave time to those after it gets a `share`.
 */
export class Deadline {
  readonly #clock: Clock;
  /** Monotonic time of the clock, ms. */
  readonly #endsAtMs: number;

  private constructor(clock: Clock, endsAtMs: number) {
    this.#clock = clock;
    this.#endsAtMs = endsAtMs;
  }

  /** Ends `budgetMs` from now; never, where that is Infinity. */
  static after(clock: Clock, budgetMs: number): Deadline {
    return new Deadline(clock, clock.monotonic() + budgetMs);
  }

  /** Ms that are left; 0 when time is up. */
  get remainingMs(): number {
    return Math.max(0, this.#endsAtMs - this.#clock.monotonic());
  }

  get isOver(): boolean {
    return this.remainingMs === 0;
  }

  /** An earlier deadline: after `fraction` (0 to 1) of what is left now. */
  share(fraction: number): Deadline {
    return Deadline.after(this.#clock, this.remainingMs * fraction);
  }

  /**
   * Waits for `work` until time is up. Rejects where `work` does in time; what it comes to later, a rejection included, is
   * dropped. It is not stopped: whoever began it says how.
   */
  async race<T>(work: Promise<T>): Promise<InTime<T>> {
    const { remainingMs } = this;
    if (remainingMs === Number.POSITIVE_INFINITY) return { inTime: true, value: await work };
    if (remainingMs === 0) {
      work.catch(() => {});
      return outOfTime;
    }
    return new Promise((resolve, reject) => {
      const cancel = timer(this.#clock, remainingMs, () => resolve(outOfTime));
      work.then(
        (value) => {
          cancel();
          resolve({ inTime: true, value });
        },
        (error: unknown) => {
          cancel();
          reject(error);
        },
      );
    });
  }
}

function timer(clock: Clock, ms: number, callback: () => void): () => void {
  if (clock.timer !== undefined) return clock.timer(ms, callback);
  const cancelled = new AbortController();
  void clock.sleep(ms, cancelled.signal).then(() => {
    if (!cancelled.signal.aborted) callback();
  });
  return () => cancelled.abort(SETTLED);
}
