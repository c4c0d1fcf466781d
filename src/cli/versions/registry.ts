/** What the commands over versions share: someone who decides, and the way to ask them. */

import { operatorOfThisMachine } from '#audit';
import { inspectLock, lockDirectory, type Shutdown, systemClock } from '#platform';
import { type Installation, startPipeline, unlessInterrupted, withInstallation } from '#service';
import type { AskingOptions } from '#versions';
import type { Invocation } from '../command.ts';

/** How long the task that owns the versions may take; behind a long backlog it is minutes. */
const PATIENCE_MS = 120_000;

/**
 * Calls `work` with the registry at work: in the process that runs on the data directory, or where none does, here.
 */
export function withRegistry<O, T>(
  { configuration }: Invocation<O>,
  name: string,
  work: (installation: Installation, asking: AskingOptions & { readonly actor: string }) => Promise<T>,
): Promise<T> {
  return withInstallation(configuration, async (installation, shutdown) => {
    const { failed } = inspectLock(configuration.data).held
      ? { failed: new Promise<never>(() => {}) }
      : await decideHere(installation, name, shutdown);
    const { log, topics } = installation;
    const { signal } = shutdown;
    const asking = {
      log,
      topics,
      clock: systemClock,
      patienceMs: PATIENCE_MS,
      signal,
      actor: operatorOfThisMachine(),
    };
    return unlessInterrupted(Promise.race([work(installation, asking), failed]), signal);
  });
}

/** Runs the processors until `shutdown`; `failed` rejects when they end by themselves. */
async function decideHere(
  installation: Installation,
  name: string,
  shutdown: Shutdown,
): Promise<{ readonly failed: Promise<never> }> {
  const lock = lockDirectory(installation.configuration.data, name);
  shutdown.add('data directory', async () => lock.release());
  return startPipeline(installation, shutdown);
}
