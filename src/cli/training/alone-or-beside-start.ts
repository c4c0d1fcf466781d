import { inspectLock, lockDirectory, type Shutdown } from '#platform';
import { type Installation, openExistingInstallation } from '#service';
import type { Invocation } from '../command.ts';
import { notice } from '../output.ts';

type Ways<T> = {
  /** What the process of `millrace start` does then, for the notice that it does. */
  readonly does: string;
  /** Asks that process, over the log. */
  beside(installation: Installation): Promise<T>;
  /** With the data directory held by this process. */
  alone(): Promise<T>;
};

/** Work that `millrace start` does where it runs on the data directory, and this process where none does. */
export async function aloneOrBesideStart<T>(
  { configuration, output }: Invocation<unknown>,
  shutdown: Shutdown,
  purpose: string,
  { does, beside, alone }: Ways<T>,
): Promise<T> {
  const lock = inspectLock(configuration.data);
  if (lock.held && lock.purpose === 'start') {
    const installation = await openExistingInstallation(configuration, shutdown);
    notice(output, `Process ${lock.pid} (millrace start) ${does}.`);
    return beside(installation);
  }
  const own = lockDirectory(configuration.data, purpose);
  shutdown.add('data directory', async () => own.release());
  return alone();
}
