import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '#platform';
import { type Query, Statements } from './statements.ts';

/**
 * How often a waiting reader looks for commits of other processes, each a look at shared memory: one that has just seen a
 * commit expects the next, and the time until it finds it is time that its output comes later.
 */
const pollMs = { expecting: 1, idle: 4 };
const EXPECTING_FOR_MS = 100;

/**
 * Tells this thread's readers of new commits: those of its own process at once, by the counter that the writer thread
 * notifies; those of other processes by SQLite's data_version, every few ms, and only while somebody waits.
 */
export class CommitWatch {
  readonly #clock: Clock;
  readonly #commits: Int32Array;
  readonly #dataVersion: Query;
  readonly #waiting = new Set<{ readonly seen: number; readonly wake: () => void }>();
  #running = false;
  #lastChange = Number.NEGATIVE_INFINITY;

  constructor(database: DatabaseSync, commits: Int32Array, clock: Clock) {
    this.#clock = clock;
    this.#commits = commits;
    this.#dataVersion = new Statements(database).query('PRAGMA data_version');
  }

  /** Changes with every commit of anyone. To be taken before the reading that finds nothing. */
  version(): number {
    return this.#dataVersion.get()?.[0] as number;
  }

  /** Resolves when the version is no longer `seen`, after `timeoutMs`, or when `signal` aborts. */
  async changed(seen: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || timeoutMs <= 0) return;
    if (this.version() !== seen) {
      this.#lastChange = this.#clock.monotonic();
      return;
    }
    const timer = new AbortController();
    await new Promise<void>((resolve) => {
      const waiting = {
        seen,
        wake: () => {
          this.#waiting.delete(waiting);
          signal.removeEventListener('abort', waiting.wake);
          timer.abort();
          resolve();
        },
      };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', waiting.wake);
      void this.#clock.sleep(timeoutMs, timer.signal).then(waiting.wake);
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#waiting.size > 0) {
        const commits = Atomics.load(this.#commits, 0);
        const version = this.version();
        const now = this.#clock.monotonic();
        for (const { seen, wake } of [...this.#waiting]) {
          if (seen === version) continue;
          this.#lastChange = now;
          wake();
        }
        if (this.#waiting.size === 0) return;
        const everyMs = now - this.#lastChange < EXPECTING_FOR_MS ? pollMs.expecting : pollMs.idle;
        const { async, value } = Atomics.waitAsync(this.#commits, 0, commits, everyMs);
        if (async) await value;
      }
    } finally {
      this.#running = false;
    }
  }

  /** Wakes all who wait, for good. */
  close(): void {
    for (const { wake } of [...this.#waiting]) wake();
  }
}
