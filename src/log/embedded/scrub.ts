import { type Clock, RetryableError } from '#platform';
import type { Cleaned, CleanOptions } from './cleaner.ts';
import { openForWriting, translated } from './database.ts';

export type ScrubOptions = {
  readonly directory: string;
  readonly clock: Clock;
  readonly clean: (options: CleanOptions) => Promise<Cleaned>;
};

const RETRY_MS = 250;
/** How long another process may clean the log, or read what the write-ahead log still has to keep for it. */
const PATIENCE_MS = 30_000;
/** How long SQLite itself waits for the lock, blocking the thread. */
const LOCK_MS = 10_000;

/**
 * Cleans everything that is due and leaves no byte of what was removed: compaction alone leaves it in pages that SQLite
 * would use again, and in the write-ahead log. The whole file is rewritten; nobody writes meanwhile, and this thread
 * is blocked. The file gets shorter only when no reader is at work, so that none meets a page that is gone.
 *
 * Errors: RetryableError MR_LOG_BUSY, MR_LOG_WRITE_FAILED: what was cleaned is, and may still be found in the files.
 */
export async function scrub({ directory, clock, clean }: ScrubOptions): Promise<Cleaned> {
  const until = clock.monotonic() + PATIENCE_MS;
  const attempt = async <T>(work: () => T | Promise<T>, isDone: (result: T) => boolean): Promise<T> => {
    for (;;) {
      const result = await work();
      if (isDone(result)) return result;
      if (clock.monotonic() > until) throw busy();
      await clock.sleep(RETRY_MS);
    }
  };
  const cleaned = await attempt(
    () => clean({ minDirtyRatio: 0 }),
    ({ skipped }) => !skipped,
  );
  const database = openForWriting(directory, 'full');
  try {
    translated('log.sqlite', () => database.exec(`PRAGMA busy_timeout = ${LOCK_MS}; VACUUM`));
    const checkpoint = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)');
    await attempt(
      () => translated('log.sqlite', () => checkpoint.get()),
      (row) => row?.busy === 0,
    );
  } finally {
    database.close();
  }
  return cleaned;
}

function busy(): RetryableError {
  return new RetryableError('MR_LOG_BUSY', 'log.sqlite is being cleaned or read by another process', {
    hint: 'try again in a moment; a process that ended while it cleaned keeps the others off for five minutes',
  });
}
