/** The steps of a backup and of a restore at which a test ends the process. */
export const BACKUP_FAILPOINTS = [
  'backup.described',
  'backup.object.before',
  'backup.object.after',
  'backup.manifest.before',
  'backup.manifest.after',
  'backup.status.after',
  'backup.manifest.removed',
  'backup.object.removed',
] as const;

export const RESTORE_FAILPOINTS = [
  'restore.begun',
  'restore.file',
  'restore.log',
  'restore.verified',
  'restore.done',
] as const;
