/** What this data directory has copies of, as it is removed from the store elsewhere. */
import { INDEXES_DIRECTORY, VERSIONS_DIRECTORY } from '#models';
import { inPasses, type Shutdown, systemClock } from '#platform';
import type { Installation } from './installation.ts';

const LOOK_MS = 600_000;
/** Folders of directories; the archive sees to its own. */
const SHARED = [VERSIONS_DIRECTORY, INDEXES_DIRECTORY, 'snapshots'];

/**
 * Puts what is here from before there was a store into it, and removes copies of what the store does not have any more, every ten
 * minutes until `shutdown`: an erasure may be the reason.
 */
export function watchCopies(
  { files, logger, metrics }: Pick<Installation, 'files' | 'logger' | 'metrics'>,
  shutdown: Shutdown,
): void {
  if (files === undefined) return;
  const help = 'Failed looks for copies of what the object store does not have any more.';
  const failures = metrics.counter('storage_watch_failures_total', help);
  const message = 'copies of the object store cannot be compared with it; it is tried again';
  const { signal } = shutdown;
  const passes = { clock: systemClock, logger, intervalMs: LOOK_MS, failures, message, signal };
  const pass = async () => {
    for (const parent of SHARED) await files.publishOwn(parent);
    await files.removeOrphans();
  };
  const watching = pass()
    .catch((err: unknown) => {
      failures.inc();
      logger.warn({ err }, message);
    })
    .then(() => inPasses(passes, pass));
  shutdown.add('copies of the object store', () => watching);
}
