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
  /** Calls `callback` after `ms`, unless the returned function is called before; where it is absent, a sleep does the same for more. */
  timer?(ms: number, callback: () => void): () => void;
}

/** What a timer can hold; one that is longer would end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

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
      let restMs = ms;
      const begin = () => {
        const partMs = Math.min(restMs, LONGEST_TIMER_MS);
        restMs -= partMs;
        return setTimeout(restMs > 0 ? () => (timer = begin()) : done, partMs);
      };
      let timer = begin();
      signal?.addEventListener('abort', done);
    }),
  timer: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
