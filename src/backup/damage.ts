import { errorCode, FatalError } from '#platform';

/** Names the object, so that an operator knows which points are still whole. */
export function damaged(object: string, problem: string, cause?: unknown): FatalError {
  return new FatalError('MR_BACKUP_DAMAGED', `Object ${object} of the backup ${problem}.`, {
    hint: 'Restore an earlier point: "millrace backups DIR --verify" tells which are whole.',
    cause,
  });
}

export function isDamage(error: unknown): error is FatalError {
  return errorCode(error) === 'MR_BACKUP_DAMAGED';
}
