/** Room on the disk of a directory, and errors that say there is none left. */
import { statfsSync } from 'node:fs';
import { errorCode, MillraceError, RetryableError } from './errors.ts';

/** Bytes that this user may still write where `directory` lies. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/**
 * `error` as RetryableError MR_DISK_FULL where the disk of `directory` is full, or the user's share of it; as it is
 * otherwise. RocksDB and DuckDB say so in words alone.
 */
export function namingFullDisk(error: unknown, directory: string): unknown {
  return isDiskFull(error) ? diskFull(directory, error) : error;
}

export function diskFull(directory: string, cause?: unknown): RetryableError {
  return new RetryableError('MR_DISK_FULL', `The disk of ${directory} is full.`, {
    hint: 'Free space on it: work resumes by itself, and nothing that was acknowledged is lost.',
    cause,
  });
}

function isDiskFull(error: unknown): boolean {
  if (error instanceof MillraceError || !(error instanceof Error)) return false;
  if (/^(ENOSPC|EDQUOT)$/.test(errorCode(error) ?? '')) return true;
  return /no space left on device|disk quota exceeded/i.test(error.message) || isDiskFull(error.cause);
}
