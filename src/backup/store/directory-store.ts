import { readdir, rm, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import {
  ConfigurationError,
  type DirectoryLock,
  errorCode,
  ifThere,
  lockDirectory,
  makePrivateDirectory,
  PARTIAL_PREFIX,
} from '#platform';
import { folderStore, type ObjectStore } from '#storage';

/** Whether `inner` is `outer` or lies in it. */
export function liesIn(inner: string, outer: string): boolean {
  const path = relative(resolve(outer), resolve(inner));
  return path === '' || (path !== '..' && !path.startsWith(`..${sep}`));
}

/** A backup in a directory, to be read. ConfigurationError MR_BACKUP_PLACE. */
export async function readDirectoryStore(path: string): Promise<ObjectStore> {
  if ((await ifThere(stat(path)))?.isDirectory() !== true) throw unusable(`${path} is no directory`);
  return folderStore(path);
}

/**
 * The same, made where it is missing, and for this process alone to write. What crashed writers have left is removed.
 * ConfigurationError MR_BACKUP_IN_USE, MR_BACKUP_PLACE.
 */
export async function writeDirectoryStore(path: string): Promise<ObjectStore> {
  let lock: DirectoryLock;
  try {
    makePrivateDirectory(path);
    lock = lockDirectory(path, 'backup');
  } catch (error) {
    if (errorCode(error) !== 'MR_DATA_LOCKED')
      throw unusable(`${path} cannot be written: ${(error as Error).message}`, error);
    throw new ConfigurationError('MR_BACKUP_IN_USE', `Another process backs up to ${path}.`, {
      hint: 'Stop it, or name another directory.',
      cause: error,
    });
  }
  for (const each of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (each.name.startsWith(PARTIAL_PREFIX)) await rm(join(each.parentPath, each.name), { force: true });
  }
  return folderStore(path, () => lock.release());
}

function unusable(what: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError('MR_BACKUP_PLACE', `A backup cannot lie there: ${what}.`, {
    hint: 'Name a directory outside of the data directory, best on another machine’s disk.',
    cause,
  });
}
