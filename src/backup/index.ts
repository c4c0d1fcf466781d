/**
 * Backups of a data directory with an embedded log: the log's records by offset, the vault, versions and all other files that
 * are not rebuilt from them, shipped beside the running process as objects that are written once; and restores.
 *
 * It promises that a point of a backup is one state of the log with everything acknowledged before, that each object is held
 * against its checksum, that a log with another history begins a generation instead of being appended to the old one, and
 * that a restore appears whole or not at all. Objects are kept in a directory, or where #storage has an adapter.
 * When to back up is left to who calls.
 */
export { type FollowOptions, followBackup } from './follow.ts';
export { type Restored, type RestoreOptions, restoreBackup } from './restoring/restore.ts';
export { type Shipment, Shipper, type ShipperOptions } from './shipping/shipper.ts';
export { type BackupStatus, readBackupStatus } from './status.ts';
export { liesIn, readDirectoryStore, writeDirectoryStore } from './store/directory-store.ts';
export { type BackupPoint, backupPoints } from './verify-backup.ts';
