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
  #total = 0;
  #restored = 0;
  /** When there was something to restore again, and what had been restored by then: the rate is that since. */
  #startedAt = 0;
  #restoredBefore = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Aborted when the restore is to end. */
  get signal(): AbortSignal {
    return this.#cancelling.signal;
  }

  cancel(): void {
    this.#cancelling.abort();
  }

  expect(records: number): void {
    if (records > 0 && this.#restored >= this.#total) {
      this.#startedAt = this.#clock.monotonic();
      this.#restoredBefore = this.#restored;
    }
    this.#total += records;
  }

  /** What was expected and has not come does not come any more: the restore starts over. */
  startOver(): void {
    this.#total = this.#restored;
  }

  advance(records: number): void {
    this.#restored += records;
  }

  get status(): RestoreStatus {
    const elapsedMs = this.#clock.monotonic() - this.#startedAt;
    const since = this.#restored - this.#restoredBefore;
    const recordsPerSecond = since > 0 && elapsedMs > 0 ? (since / elapsedMs) * 1_000 : 0;
    const left = this.#total - this.#restored;
    const etaMs = left === 0 ? 0 : recordsPerSecond > 0 ? (left / recordsPerSecond) * 1_000 : null;
    return { restored: this.#restored, total: this.#total, recordsPerSecond, etaMs };
  }
}
