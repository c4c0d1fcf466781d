/** The archive of the log, as a place that is erased. */
import { committedBy } from '#erasure';
import { ARCHIVE_GROUP, archivedTables, archiveNow, offlineEraseTarget } from '#offline';
import { type Clock, RetryableError } from '#platform';
import type { EraseTarget } from '#privacy';
import { archiveOptions } from './archive.ts';
import type { Installation } from './installation.ts';

type Waiting = { readonly clock: Clock; readonly patienceMs: number; readonly signal: AbortSignal };

const POLL_MS = 500;

/** What is on the log of the user is archived first, here or by whoever does that, so that none of it comes later. */
export async function archiveTarget(installation: Installation, waiting: Waiting): Promise<EraseTarget> {
  const options = await archiveOptions(installation);
  return offlineEraseTarget({
    ...options,
    catchUp: async () => {
      const { clock, signal } = waiting;
      const until = clock.monotonic() + options.flushMs + waiting.patienceMs;
      const topics = archivedTables.map(({ topic }) => topic);
      const isArchived = await committedBy(installation.log, ARCHIVE_GROUP, topics);
      // Under a name of its own: the archive of a running start keeps its place.
      const own = { ...options, instanceId: `${options.instanceId}-erase` };
      while (!(await isArchived()) && !(await archiveNow(own, signal))) {
        signal.throwIfAborted();
        if (clock.monotonic() > until) throw notArchived();
        await clock.sleep(POLL_MS, signal);
      }
    },
  });
}

function notArchived(): RetryableError {
  return new RetryableError('MR_PRIVACY_ARCHIVE_BEHIND', 'Events of the user are not archived yet.', {
    hint: 'Check that "millrace start" archives (its log says why not), then erase the user again.',
  });
}
