import { type ActivePlace, asActiveMember, type MemberRole } from '#engine';
import { ArchiveLoop, type ArchiveOptions } from './archive-loop.ts';
import { ARCHIVE_GROUP } from './archive-progress.ts';
import { ArchiveWriter } from './archive-writer.ts';
import { archivedTables } from './archived-tables.ts';

/**
 * Follows the archived topics and writes what they carry to Parquet files, each record exactly once: files count by
 * their manifest events, and those become visible with the offsets that they stand for. Of several archives of a log one
 * works. Resolves when `signal` aborts. What passes is waited for, a full disk too: it goes on from what is durable. Rejects
 * where the disk fails, or a file that is to be put together with others is damaged (MR_OFFLINE_FILE_CORRUPT, MR_OFFLINE_FILE_MISSING).
 */
export async function runArchive(options: ArchiveOptions, signal: AbortSignal): Promise<void> {
  await asActiveMember(membership(options), signal, (place) => work(options, place, (loop) => loop.run()));
}

/**
 * Archives everything that is readable now. False when another member of the group does that; not to be called beside
 * runArchive of the same instance.
 */
export async function archiveNow(options: ArchiveOptions, signal?: AbortSignal): Promise<boolean> {
  const over = new AbortController();
  let isDone = false;
  const whole = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
  const onRole = (role: MemberRole) => {
    if (role === 'standby') over.abort();
  };
  await asActiveMember({ ...membership(options), onRole, isAwaited: true }, whole, async (place) => {
    await work(options, place, (loop) => loop.catchUp());
    isDone = !place.signal.aborted;
    if (isDone) over.abort();
  });
  return isDone;
}

function membership(options: ArchiveOptions) {
  return { ...options, group: ARCHIVE_GROUP, committedTopics: archivedTables.map(({ topic }) => topic) };
}

async function work(
  options: ArchiveOptions,
  place: ActivePlace,
  run: (loop: ArchiveLoop) => Promise<void>,
): Promise<void> {
  const archive = async (writer: ArchiveWriter) => {
    const loop = await ArchiveLoop.open(options, place, writer);
    options.onStalled?.(undefined);
    try {
      await run(loop);
    } finally {
      await loop.close();
    }
  };
  await ArchiveWriter.with(options, 'archive', archive, place.signal);
}
