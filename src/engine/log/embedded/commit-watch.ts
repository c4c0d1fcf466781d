import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '#platform';
import { type Query, Statements } from './statements.ts';

/** How often a waiting reader looks for commits of other processes. */
const pollMs = 4;

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
    if (signal.aborted || timeoutMs <= 0 || this.version() !== seen) return;
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
        for (const { seen, wake } of [...this.#waiting]) if (seen !== version) wake();
        if (this.#waiting.size === 0) return;
        const { async, value } = Atomics.waitAsync(this.#commits, 0, commits, pollMs);
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
