/**
 * Wall-clock time and timers as a port. The engine takes it as an argument, so that the simulation can run the
 * real engine code on a clock of its own; nothing in engine/ calls Date.now or setTimeout itself.
 */
export interface Clock {
  /** Wall-clock time, ms since the epoch. */
  now(): number;
  /** Monotonic time in ms, for intervals; its zero is arbitrary. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when `signal` is (or gets) aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done);
    }),
};
