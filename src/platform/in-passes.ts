import type { Clock } from './clock.ts';
import { errorCode } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Counter } from './metrics.ts';

type Passes = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs: number;
  /** Counts passes that failed. */
  readonly failures: Counter;
  /** What is logged of one. */
  readonly message: string;
  /** Ends the schedule. */
  readonly signal: AbortSignal;
};

/**
 * Work that is done again and again, until `signal` aborts or the log is closed. A pass that fails is logged and counted, and
 * the next one tries again.
 */
export async function inPasses(
  { clock, logger, intervalMs, failures, message, signal }: Passes,
  pass: () => Promise<void>,
): Promise<void> {
  for (;;) {
    await clock.sleep(intervalMs, signal);
    if (signal.aborted) return;
    try {
      await pass();
    } catch (error) {
      if (signal.aborted || errorCode(error) === 'MR_LOG_CLOSED') return;
      failures.inc();
      logger.warn({ err: error }, message);
    }
  }
}
