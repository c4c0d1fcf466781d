import type { CachedStore } from './cached-store.ts';
import type { Read } from './key-value-store.ts';
import type { TimerQueue } from './timer-queue.ts';

/** The name of the store that keeps when the entries of `store` go. */
export function ttlStoreName(store: string): string {
  return `${store}-ttl`;
}

/**
 * Lets an entry of a store go when the watermark reaches the time of its newest change plus `ttlMs`. The times are kept
 * in a store of their own, as timers are: a restart finds them, and an entry that goes leaves a tombstone.
 */
export class Expiry {
  readonly #store: CachedStore<unknown>;
  readonly #times: TimerQueue;
  readonly #ttlMs: number;

  constructor(store: CachedStore<unknown>, times: TimerQueue, ttlMs: number) {
    this.#store = store;
    this.#times = times;
    this.#ttlMs = ttlMs;
  }

  /** Whatever is loaded in the store may be changed, and its time with it. */
  want(read: Read): void {
    this.#times.store.want(read);
  }

  isLoaded(key: string): boolean {
    return this.#times.store.isLoaded(key);
  }

  load(): Promise<void> {
    return this.#times.store.load();
  }

  dueKeys(watermark: number): Iterable<string> {
    return this.#times.dueKeys(watermark);
  }

  /** A late change does not shorten the life that a newer one has given. */
  changed(key: string, isDeleted: boolean, timestamp: number): void {
    // The store refuses a change without a time when it commits.
    if (!Number.isFinite(timestamp)) return;
    const dueMs = timestamp + this.#ttlMs;
    if (isDeleted) this.#times.clear(key, timestamp);
    else if (dueMs > (this.#times.dueOf(key) ?? Number.NEGATIVE_INFINITY)) {
      this.#times.set(key, dueMs, timestamp);
    }
  }

  isDue(watermark: number): boolean {
    return this.#times.first(watermark) !== undefined;
  }

  async expire(watermark: number): Promise<void> {
    for (let due = this.#times.first(watermark); due !== undefined; due = this.#times.first(watermark)) {
      await this.#store.load([due.key]);
      this.#times.pop(watermark);
      this.#store.delete(due.key, due.dueMs);
    }
  }
}
