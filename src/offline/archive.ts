import { errorCode, RetryableError } from '#platform';
import { type ActivePlace, asActiveMember } from './active-member.ts';
import { ArchiveLoop, type ArchiveOptions } from './archive-loop.ts';
import { archiveGroup } from './archive-progress.ts';
import { ArchiveWriter } from './archive-writer.ts';
import { archivedTables } from './archived-tables.ts';

/** Another writer, such as an erasure, gets on with its work for so long; a log that fails is let alone. */
const pauseMs = 1_000;

/**
 * Follows the archived topics and writes what they carry to Parquet files, each record exactly once: files count by
 * their manifest events, and those become visible with the offsets that they stand for. Of several archives of a log one
 * works. Resolves when `signal` aborts. What passes is waited for: it goes on from what is durable. Rejects where the disk
 * fails, or a file that is to be put together with others is damaged (MR_OFFLINE_FILE_CORRUPT, MR_OFFLINE_FILE_MISSING).
 */
export async function runArchive(options: ArchiveOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await asActiveMember(membership(options), signal, (place) =>
        work(options, place, (loop) => loop.run()),
      );
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
      options.logger.warn({ err: error }, 'the archive stands still; it is tried again');
      await options.clock.sleep(pauseMs, signal);
    }
  }
}

/**
 * Archives everything that is readable now. False when another member of the group does that; not to be called beside
 * runArchive of the same instance.
 */
export async function archiveNow(options: ArchiveOptions, signal?: AbortSignal): Promise<boolean> {
  const over = new AbortController();
  let isDone = false;
  const whole = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
  const onStandby = () => over.abort();
  await asActiveMember({ ...membership(options), onStandby }, whole, async (place) => {
    await work(options, place, (loop) => loop.catchUp());
    isDone = !place.signal.aborted;
    if (isDone) over.abort();
  });
  return isDone;
}

function membership(options: ArchiveOptions) {
  return { ...options, group: archiveGroup, committedTopics: archivedTables.map(({ topic }) => topic) };
}

/** Works in the place, and begins again when another writer has fenced this one. */
async function work(
  options: ArchiveOptions,
  place: ActivePlace,
  run: (loop: ArchiveLoop) => Promise<void>,
): Promise<void> {
  while (!place.signal.aborted) {
    try {
      return await ArchiveWriter.with(options, 'archive', async (writer) => {
        const loop = await ArchiveLoop.open(options, place, writer);
        try {
          await run(loop);
        } finally {
          await loop.close();
        }
      });
    } catch (error) {
      if (errorCode(error) !== 'MR_LOG_FENCED') throw error;
      options.logger.info('another writer works on the archive; the rest is written after it');
      await options.clock.sleep(pauseMs, place.signal);
    }
  }
}
