/**
 * One owner for a data directory. The lock is an EXCLUSIVE transaction on `lock.sqlite`, that is a lock of the
 * kernel's: it goes with the process, after kill -9 as well, and no stale file can keep anyone out. The sidecar
 * `lock.json` only says who holds it.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConfigurationError } from './errors.ts';

/** An inspection holds a shared lock for a moment: an owner to be waits that long for it. */
const patienceMs = 250;
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
 * in this process or elsewhere, has it.
 */
export function lockDirectory(path: string, purpose: string): DirectoryLock {
  mkdirSync(path, { recursive: true });
  const database = new DatabaseSync(join(path, 'lock.sqlite'), { timeout: patienceMs });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw lockedError(path, readHolder(path));
  }
  const holder: Holder = { pid: process.pid, purpose };
  writeHolder(path, holder);
  let held = true;
  return {
    publishAddress: (address) => writeHolder(path, { ...holder, address }),
    release: () => {
      if (!held) return;
      held = false;
      rmSync(join(path, 'lock.json'), { force: true });
      database.exec('ROLLBACK');
      database.close();
    },
  };
}

/** Whether `path` is locked, and by whom. Creates nothing; a directory that does not exist is not locked. */
export function inspectLock(path: string): LockInspection {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(join(path, 'lock.sqlite'), { readOnly: true, timeout: 0 });
  } catch {
    return { held: false };
  }
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
