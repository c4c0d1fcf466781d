import type { Clock } from '#platform';

/** Plain JSON. */
export type RestoreStatus = {
  /** Changelog offsets passed, and to be passed in all. */
  readonly restored: number;
  readonly total: number;
  readonly recordsPerSecond: number;
  /** Null until there is a rate to tell it by. */
  readonly etaMs: number | null;
};

/** How far a restore has come; also the way to end it early. */
export class RestoreProgress {
  readonly #clock: Clock;
  readonly #cancelling = new AbortController();
  readonly #startedAt: number;
  #total = 0;
  #restored = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  /** Aborted when the restore is to end. */
  get signal(): AbortSignal {
    return this.#cancelling.signal;
  }

  cancel(): void {
    this.#cancelling.abort();
  }

  expect(records: number): void {
    this.#total += records;
  }

  advance(records: number): void {
    this.#restored += records;
  }

  get status(): RestoreStatus {
    const elapsedMs = this.#clock.monotonic() - this.#startedAt;
    const recordsPerSecond = elapsedMs > 0 ? (this.#restored / elapsedMs) * 1_000 : 0;
    const left = this.#total - this.#restored;
    const etaMs = recordsPerSecond > 0 ? (left / recordsPerSecond) * 1_000 : null;
    return { restored: this.#restored, total: this.#total, recordsPerSecond, etaMs };
  }
}
