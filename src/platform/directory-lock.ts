/**
 * One owner for a data directory. The lock is an EXCLUSIVE transaction on `lock.sqlite`, that is a lock of the
 * kernel's: it goes with the process, after kill -9 as well, and no stale file can keep anyone out. The sidecar
 * `lock.json` only says who holds it.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConfigurationError } from './errors.ts';

/** An inspection holds a shared lock for a moment: an owner to be waits that long for it. */
const PATIENCE_MS = 250;
const SQLITE_BUSY = 5;

type Holder = { readonly pid: number; readonly purpose: string; readonly address?: string };

export type LockInspection = { readonly held: boolean } & Partial<Holder>;

export interface DirectoryLock {
  /** Tells other processes under which address the holder serves HTTP. */
  publishAddress(address: string): void;
  release(): void;
}

/**
 * Takes `path` (created when missing) for this process. ConfigurationError MR_DATA_LOCKED while another owner,
 * in this process or elsewhere, has it; MR_DATA_UNUSABLE when it is no directory that can be written.
 */
export function lockDirectory(path: string, purpose: string): DirectoryLock {
  const holder: Holder = { pid: process.pid, purpose };
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(path, { recursive: true });
    database = new DatabaseSync(join(path, 'lock.sqlite'), { timeout: PATIENCE_MS });
    database.exec('BEGIN EXCLUSIVE');
    writeHolder(path, holder);
  } catch (error) {
    database?.close();
    throw isBusy(error) ? lockedError(path, readHolder(path)) : unusableError(path, error);
  }
  const locked = database;
  let held = true;
  return {
    publishAddress: (address) => writeHolder(path, { ...holder, address }),
    release: () => {
      if (!held) return;
      held = false;
      rmSync(join(path, 'lock.json'), { force: true });
      locked.exec('ROLLBACK');
      locked.close();
    },
  };
}

/** Whether `path` is locked, and by whom. Creates nothing; a directory that does not exist is not locked. */
export function inspectLock(path: string): LockInspection {
  const file = join(path, 'lock.sqlite');
  if (!existsSync(file)) return { held: false };
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return { held: false };
  } catch (error) {
    if (!isBusy(error)) throw error;
    return { held: true, ...readHolder(path) };
  } finally {
    database.close();
  }
}

function lockedError(path: string, holder: Holder | undefined): ConfigurationError {
  const who = holder === undefined ? 'another process' : `process ${holder.pid} (${holder.purpose})`;
  return new ConfigurationError('MR_DATA_LOCKED', `The data directory ${path} is in use by ${who}.`, {
    hint: `Stop ${holder === undefined ? 'that process' : `it (kill ${holder.pid})`}, or name another directory with --data DIR.`,
  });
}

function unusableError(path: string, cause: unknown): ConfigurationError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ConfigurationError('MR_DATA_UNUSABLE', `The data directory ${path} cannot be used: ${reason}.`, {
    hint: 'Choose a directory that this user may write to with --data DIR.',
    cause,
  });
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

function writeHolder(path: string, holder: Holder): void {
  const temporary = join(path, `lock.json.${process.pid}`);
  writeFileSync(temporary, JSON.stringify(holder));
  renameSync(temporary, join(path, 'lock.json'));
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(join(path, 'lock.json'), 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}
