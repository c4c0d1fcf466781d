import type { Clock } from '#platform';

/** Users beyond that lose the one that was noted first. */
const MOST_USERS = 1_000;
/** An answer that comes later says little of how long the event took. */
const KEPT_MS = 60_000;

/** Which traced event last changed the rows of a user, until an answer has shown it. */
export class TracedChanges {
  readonly #clock: Clock;
  readonly #byUser = new Map<string, { readonly traceparent: string; readonly atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(user: string, traceparent: string): void {
    this.#byUser.delete(user);
    this.#byUser.set(user, { traceparent, atMs: this.#clock.monotonic() });
    if (this.#byUser.size <= MOST_USERS) return;
    const [oldest = ''] = this.#byUser.keys();
    this.#byUser.delete(oldest);
  }

  /** Forgets it, so that one answer alone is told to show it. */
  take(user: string): string | undefined {
    const noted = this.#byUser.get(user);
    if (noted === undefined) return undefined;
    this.#byUser.delete(user);
    return this.#clock.monotonic() - noted.atMs <= KEPT_MS ? noted.traceparent : undefined;
  }
}
