import { inspectLock, lockDirectory, type Progress, type Shutdown } from '#platform';
import {
  catchUp,
  type Installation,
  openExistingInstallation,
  requireData,
  startPipeline,
  unlessInterrupted,
  withShutdown,
} from '#service';
import type { Invocation } from '../command.ts';
import { commandProgress, notice } from '../output.ts';

/** An installation that this process holds, with everything on the log processed. */
type Held = {
  readonly installation: Installation;
  readonly progress: Progress;
  readonly shutdown: Shutdown;
};

type Ways<T> = {
  /** What the process of `millrace start` does then, for the notice that it does. */
  readonly does: string;
  /** Has that process do it, over the log. */
  beside(installation: Installation, signal: AbortSignal): Promise<T>;
  alone(held: Held): Promise<T>;
};

/** Work that `millrace start` does where it runs on the data directory, and this process where none does. */
export async function aloneOrBesideStart<T>(
  { configuration, output }: Invocation<unknown>,
  purpose: string,
  { does, beside, alone }: Ways<T>,
): Promise<T> {
  requireData(configuration);
  return withShutdown(configuration, async (shutdown) => {
    const { signal } = shutdown;
    const lock = inspectLock(configuration.data);
    const isBeside = lock.held && lock.purpose === 'start';
    if (!isBeside) {
      const own = lockDirectory(configuration.data, purpose);
      shutdown.add('data directory', async () => own.release());
    }
    const installation = await openExistingInstallation(configuration, shutdown);
    if (isBeside) {
      notice(output, `Process ${lock.pid} (millrace start) ${does}.`);
      return beside(installation, signal);
    }
    const progress = commandProgress(output, signal);
    const pipeline = await startPipeline(installation, shutdown);
    await unlessInterrupted(catchUp(pipeline, progress), signal);
    const work = alone({ installation, progress, shutdown });
    return unlessInterrupted(Promise.race([work, pipeline.failed]), signal);
  });
}
