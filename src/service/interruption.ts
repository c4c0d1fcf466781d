/** Ctrl-C while work is under way: what runs is stopped in order, and the command ends with 130. */

import { createLogger, Shutdown, systemClock } from '#platform';
import type { Configuration } from './configuration.ts';

/** Thrown where a long step notices that it is to stop. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}

export function throwIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new Interrupted();
}

/** Waits for `work`, or rejects with Interrupted as soon as `signal` aborts. */
export async function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  throwIfInterrupted(signal);
  const interrupted = Promise.withResolvers<never>();
  const listener = () => interrupted.reject(new Interrupted());
  signal.addEventListener('abort', listener);
  // The work may fail after nobody waits for it any more: its parts were stopped under it.
  work.catch(() => {});
  try {
    return await Promise.race([work, interrupted.promise]);
  } finally {
    signal.removeEventListener('abort', listener);
  }
}

/**
 * Runs `work` with a Shutdown that listens to Ctrl-C; everything that was added to it is stopped when the work has
 * ended, however it ended. Rejects with Interrupted where the work fails after Ctrl-C: its parts were stopped under it.
 */
export async function withShutdown<T>(
  { logging }: Pick<Configuration, 'logging'>,
  work: (shutdown: Shutdown) => Promise<T>,
): Promise<T> {
  const logger = createLogger({ level: logging.level, name: 'millrace' });
  const shutdown = new Shutdown({ logger, clock: systemClock });
  const stopListening = shutdown.onSignals();
  try {
    return await work(shutdown);
  } catch (error) {
    if (!shutdown.signal.aborted) throw error;
    logger.debug({ reason: String(error) }, 'interrupted');
    throw new Interrupted();
  } finally {
    await shutdown.stop('done');
    stopListening();
  }
}

/** Runs `work` until `shutdown`; `failed` rejects when it fails before. */
export function runUntilShutdown(
  name: string,
  shutdown: Shutdown,
  work: (signal: AbortSignal) => Promise<unknown>,
): { readonly failed: Promise<never> } {
  const stopping = new AbortController();
  const running = work(stopping.signal);
  const failed = running.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  shutdown.add(name, async () => {
    stopping.abort();
    await running.catch(() => {});
  });
  return { failed };
}
