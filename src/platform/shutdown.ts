import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

type Stop = () => Promise<void>;

/** How long one part may take to stop before that is reported and the next one's turn comes. */
const DEFAULT_DEADLINE_MS = 10_000;

/** npm, timeout and our launcher pass on a signal that the terminal or the group has delivered already. */
const SAME_SIGNAL_MS = 500;

/**
 * Orderly shutdown: parts stop in the reverse order of their adding, one after the other. A part that fails or
 * overruns its deadline is logged and does not keep the others from stopping. The process is left to end by
 * itself, because process.exit aborts it while a worker thread is inside native code.
 */
export class Shutdown {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #parts: { name: string; stop: Stop; deadlineMs: number }[] = [];
  readonly #controller = new AbortController();
  #stopping: Promise<void> | undefined;

  constructor({ logger, clock }: { logger: Logger; clock: Clock }) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Aborted as soon as the shutdown begins: loops and sleeps end on it. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * A part that comes when the shutdown has begun is stopped at once, and the signal's reason is thrown: a start-up that
   * was overtaken goes no further.
   */
  add(name: string, stop: Stop, deadlineMs: number = DEFAULT_DEADLINE_MS): void {
    this.#parts.push({ name, stop, deadlineMs });
    if (this.#stopping === undefined) return;
    this.#stopping = this.#stopping.then(() => this.#stopParts());
    this.signal.throwIfAborted();
  }

  /** Stops everything once; every call resolves when all that was added before it is stopped. Never rejects. */
  stop(reason: string): Promise<void> {
    if (this.#stopping === undefined) {
      this.#logger.info({ reason }, 'shutting down');
      this.#controller.abort();
      this.#stopping = this.#stopParts();
    }
    return this.#stopping;
  }

  /**
   * Stops on SIGINT and SIGTERM; a second signal, half a second later or more, ends the process at once with exit
   * code 130. Returns a function that stops listening.
   */
  onSignals(): () => void {
    let firstAt: number | undefined;
    const listener = (signal: NodeJS.Signals) => {
      const at = this.#clock.monotonic();
      if (firstAt !== undefined && at - firstAt >= SAME_SIGNAL_MS) process.exit(130);
      firstAt ??= at;
      void this.stop(signal);
    };
    process.on('SIGINT', listener);
    process.on('SIGTERM', listener);
    return () => {
      process.off('SIGINT', listener);
      process.off('SIGTERM', listener);
    };
  }

  async #stopParts(): Promise<void> {
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      const { name, stop, deadlineMs } = part;
      const finished = new AbortController();
      const stopped = Promise.resolve()
        .then(stop)
        .catch((err: unknown) => this.#logger.error({ err, part: name }, 'a part failed to stop'))
        .then(() => finished.abort());
      await Promise.race([stopped, this.#clock.sleep(deadlineMs, finished.signal)]);
      if (!finished.signal.aborted)
        this.#logger.error({ part: name, deadlineMs }, 'a part did not stop in time');
    }
  }
}
