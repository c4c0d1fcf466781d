import { ConfigurationError, errorCode, MillraceError, RetryableError } from '#platform';

/** Runs `work` on the file at `path` with the errors of SQLite and of the file system translated. */
export function translated<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw translate(path, error);
  }
}

function translate(path: string, error: unknown): unknown {
  if (error instanceof MillraceError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  switch (sqliteCode(error)) {
    case 5: // BUSY
    case 10: // IOERR
    case 13: // FULL
      return new RetryableError(
        'MR_PRIVACY_VAULT_BUSY',
        `${path} can't be read or written just now: ${reason}.`,
        {
          hint: 'Retry; if it persists, check which process holds it and whether the disk is full.',
          cause: error,
        },
      );
    case undefined:
      return errorCode(error) === undefined ? error : unusable(`${path}: ${reason}`, error);
    // A damaged header shows as almost any other: CORRUPT, NOTADB, a table that is not there.
    default:
      return unusable(`${path}: ${reason}`, error);
  }
}

function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

export function unusable(
  what: string,
  cause?: unknown,
  hint = 'Stop every process of the data directory and remove pseudonyms-view.sqlite: it is made again from the log.',
): ConfigurationError {
  return new ConfigurationError(
    'MR_PRIVACY_VAULT_UNUSABLE',
    `The vault of pseudonyms can't be used: ${what}.`,
    { hint, cause },
  );
}
