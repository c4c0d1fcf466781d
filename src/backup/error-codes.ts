/** The error codes of backups. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const BACKUP_ERRORS = {
  MR_BACKUP_CONFLICT: retry`Another process wrote to the backup at the same time.
    Let one process alone back up to a place; this one continues when it is begun again.`,
  MR_BACKUP_DAMAGED: giveUp`An object of a backup is damaged, cut short or missing.
    Restore an earlier point that does not need it ("millrace backups DIR --verify" tells which are whole), and begin a backup in another place.`,
  MR_BACKUP_EMPTY: fixInput`There is no backup in the place, or none that is complete.
    Name the directory that was given to "millrace backup".`,
  MR_BACKUP_IN_USE: fixConfiguration`Another process backs up to the place.
    Stop it, or choose another directory: each process needs one of its own.`,
  MR_BACKUP_KEY: fixConfiguration`The backup is encrypted with another key, or backup.key is missing, or is set for a backup that is not encrypted.
    Set backup.key to what it was when the backup was begun, or begin one in another place.`,
  MR_BACKUP_LOG_ON_KAFKA: fixConfiguration`The log is on Kafka: only an embedded log can be backed up.
    Copy it to another cluster with "millrace copy", and keep the data directory's vault and versions with a backup of files.`,
  MR_BACKUP_NEWER: fixInput`The backup was written by a newer version of Millrace.
    Use that version.`,
  MR_BACKUP_PLACE: fixConfiguration`The place of a backup cannot be used: it is not a directory, or lies in the data directory.
    Name a directory outside of the data directory, on another disk.`,
  MR_BACKUP_TIME: fixInput`The backup holds no point at or before the requested time.
    See its points: "millrace backups DIR".`,
  MR_RESTORE_OCCUPIED: fixConfiguration`The data directory to restore into is not empty.
    Name another one with --data: a restore never replaces data.`,
  MR_RESTORE_UNEQUAL: giveUp`What was restored is not what the backup says.
    Restore once more; if it persists, check the disk, and report it.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof BACKUP_ERRORS> {}
}
