import type { Appended } from '#log';
import { type Clock, errorCode, type Logger } from '#platform';

const LOOK_EVERY_MS = 500;

export type PendingOptions = {
  /** How many events of one user may wait. */
  readonly most: number;
  /** Up to which offset each partition of `interactions` is processed. */
  readonly processed: () => Promise<readonly number[]>;
  readonly clock: Clock;
  readonly logger: Logger;
};

type Written = { readonly ends: readonly Appended[]; readonly users: ReadonlyMap<string, number> };

/**
 * How many events of each user this gateway has taken that are not processed yet. One user's can't be spread over tasks, so
 * whoever sends faster than a task processes is refused before everybody else of the partition waits for them.
 */
export class PendingEvents {
  readonly #options: PendingOptions;
  readonly #users = new Map<string, number>();
  #written: Written[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: PendingOptions) {
    this.#options = options;
  }

  /** Counts one more event of a user; false where that would be too many. */
  take(user: string): boolean {
    const pending = this.#users.get(user) ?? 0;
    if (pending >= this.#options.most) {
      this.#look();
      return false;
    }
    this.#users.set(user, pending + 1);
    return true;
  }

  /** Events that were counted have not been written. */
  giveBack(users: ReadonlyMap<string, number>): void {
    for (const [user, count] of users) {
      const left = (this.#users.get(user) ?? 0) - count;
      if (left > 0) this.#users.set(user, left);
      else this.#users.delete(user);
    }
  }

  /** They are pending until everything before `ends` is processed. */
  wrote(users: ReadonlyMap<string, number>, ends: readonly Appended[]): void {
    this.#written.push({ users, ends });
    this.#look();
  }

  /** Resolves when what is being looked up is known. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  #look(): void {
    const { clock, processed, logger } = this.#options;
    const now = clock.monotonic();
    if (now - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#lookedAt = now;
    this.#looking = processed()
      .then((offsets) => this.#release(offsets))
      .catch((err: unknown) => logger.warn({ err, code: errorCode(err) }, 'what is processed is not known'));
  }

  #release(processed: readonly number[]): void {
    const pending: Written[] = [];
    for (const written of this.#written) {
      const isDone = written.ends.every(
        ({ partition, nextOffset }) => nextOffset <= (processed[partition] ?? 0),
      );
      if (isDone) this.giveBack(written.users);
      else pending.push(written);
    }
    this.#written = pending;
  }
}

/** How many of the events are whose. */
export function countByUser(users: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const user of users) counts.set(user, (counts.get(user) ?? 0) + 1);
  return counts;
}
