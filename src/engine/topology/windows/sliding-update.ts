import type { Timed, WindowState } from './state-serde.ts';

/**
 * What one record does to a key's sliding windows: the algorithm and the order of results of Kafka Streams
 * (KIP-450, KStreamSlidingWindowAggregate). Windows exist where the set of records in them changes: each record ends
 * one (its left window) and, where records follow within the time difference, one begins just after it (its right
 * window). A record of before `differenceMs` has no left window of its own: [0, differenceMs] stands for it.
 */
export class SlidingUpdate<S> {
  /** New states, in the order in which they are emitted; null where a window goes. */
  readonly changed: WindowState<S | null>[] = [];
  /** Windows that the record was taken into. */
  taken = 0;
  /** Windows that were closed to it. */
  refused = 0;
  readonly #all: readonly WindowState<S>[];
  /** Windows that may hold the record, end before it or begin just after it. */
  readonly #before: readonly WindowState<S>[];
  readonly #timestamp: number;
  readonly #differenceMs: number;
  readonly #closedBefore: number;
  readonly #add: (state: Timed<S> | undefined) => S | null;
  readonly #starts: ReadonlySet<number>;

  /** Windows that end before `closedBefore` are closed. */
  constructor(
    windows: readonly WindowState<S>[],
    timestamp: number,
    differenceMs: number,
    closedBefore: number,
    add: (state: Timed<S> | undefined) => S | null,
  ) {
    this.#timestamp = timestamp;
    this.#differenceMs = differenceMs;
    this.#closedBefore = closedBefore;
    this.#add = add;
    this.#all = windows;
    this.#before = windows.filter(
      ({ startMs }) => startMs >= timestamp - 2 * differenceMs && startMs <= timestamp + 1,
    );
    this.#starts = new Set(this.#before.map(({ startMs }) => startMs));
  }

  run(): void {
    if (this.#timestamp + 1 + this.#differenceMs <= this.#closedBefore) this.refused++;
    else if (this.#timestamp < this.#differenceMs) this.#runEarly();
    else this.#run();
  }

  /** All windows as they are now, by start. */
  windows(): readonly WindowState<S>[] {
    const byStart = new Map(this.#all.map((window) => [window.startMs, window]));
    for (const { value, ...window } of this.changed) {
      if (value === null) byStart.delete(window.startMs);
      else byStart.set(window.startMs, { ...window, value });
    }
    return [...byStart.values()].sort((a, b) => a.startMs - b.startMs);
  }

  #run(): void {
    const timestamp = this.#timestamp;
    let right: WindowState<S> | undefined;
    let left: WindowState<S> | undefined;
    let hasOwnLeft = false;
    let previousMs: number | undefined;
    for (const window of this.#before.toReversed()) {
      if (window.startMs > timestamp) continue;
      if (window.endMs < timestamp) {
        left = window;
        previousMs = window.timestamp;
        break;
      }
      this.#take(window.startMs, window);
      if (window.endMs > timestamp) {
        right ??= window;
      } else {
        // Another record of this very time has made all windows that this one needs.
        if (window.timestamp >= timestamp) return;
        hasOwnLeft = true;
        previousMs = window.timestamp;
      }
    }
    if (previousMs !== undefined && previousMs + 1 + this.#differenceMs >= timestamp) {
      this.#takeFirst(previousMs + 1);
    }
    if (!hasOwnLeft) {
      const reachesPrevious = previousMs !== undefined && timestamp - this.#differenceMs <= previousMs;
      this.#take(timestamp - this.#differenceMs, reachesPrevious ? left : undefined);
    }
    this.#beginRight(right);
  }

  /** A record that [0, differenceMs] stands for the left window of. */
  #runEarly(): void {
    const timestamp = this.#timestamp;
    let combined: WindowState<S> | undefined;
    let right: WindowState<S> | undefined;
    for (const window of this.#before) {
      if (window.startMs === 0) {
        combined = window;
      } else if (window.startMs <= timestamp) {
        right = window;
        this.#take(window.startMs, window);
      }
    }
    if (combined !== undefined && combined.timestamp > timestamp) right ??= combined;
    this.#beginRight(right);
    if (combined !== undefined && combined.timestamp < timestamp) this.#takeFirst(combined.timestamp + 1);
    this.#take(0, combined);
  }

  /** Begins the window just behind the record, where others lie in it: those of `from`, which reaches over the record. */
  #beginRight(from: WindowState<S> | undefined): void {
    const startMs = this.#timestamp + 1;
    if (from === undefined || from.timestamp <= this.#timestamp || this.#starts.has(startMs)) return;
    const { value, timestamp } = from;
    this.changed.push({ value, timestamp, startMs, endMs: startMs + this.#differenceMs });
  }

  /** Begins the window just behind the record before this one, which is the first in it. */
  #takeFirst(startMs: number): void {
    if (!this.#starts.has(startMs)) this.#take(startMs, undefined);
  }

  #take(startMs: number, state: Timed<S> | undefined): void {
    const endMs = startMs + this.#differenceMs;
    if (endMs < this.#closedBefore) {
      this.refused++;
      return;
    }
    this.taken++;
    const timestamp = Math.max(this.#timestamp, state?.timestamp ?? 0);
    const value = this.#add(state);
    // What never was is not taken back.
    if (value === null && !this.#starts.has(startMs)) return;
    this.changed.push({ value, timestamp, startMs, endMs });
  }
}
