/**
 * One owner for a data directory, or one for each of its parts. A lock is an EXCLUSIVE transaction on `lock.sqlite`, or on
 * `lock.PART.sqlite`, that is a lock of the kernel's: it goes with the process, after kill -9 as well, and no stale file can
 * keep anyone out. The sidecar `lock.json` only says who holds it. Parts exclude the whole, and the whole excludes parts.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConfigurationError } from './errors.ts';
import { makePrivateDirectory } from './files.ts';

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
 * in this process or elsewhere, has it or a part of it; MR_DATA_UNUSABLE when it is no directory that can be written.
 */
export function lockDirectory(path: string, purpose: string): DirectoryLock {
  const whole = hold(path, WHOLE, { pid: process.pid, purpose });
  const holder = partHolders(path).at(0);
  if (holder === undefined) return whole;
  whole.release();
  throw lockedError(path, holder);
}

/** Takes parts of `path` for this process, beside owners of other parts. Errors: as lockDirectory. */
export function lockParts(path: string, parts: readonly string[], purpose: string): DirectoryLock {
  // Held while the parts are taken: whoever takes the whole looks at them after that.
  const whole = hold(path, WHOLE, { pid: process.pid, purpose });
  const taken: DirectoryLock[] = [];
  const release = () => {
    for (const lock of taken) lock.release();
  };
  try {
    for (const part of parts) taken.push(hold(path, partName(part), { pid: process.pid, purpose }));
  } catch (error) {
    release();
    throw error;
  } finally {
    whole.release();
  }
  return {
    publishAddress: (address) => {
      for (const lock of taken) lock.publishAddress(address);
    },
    release,
  };
}

/**
 * Whether `path` is locked, and by whom: by its owner, or else by that of a part, of `part` alone where one is named. Creates
 * nothing; a directory that does not exist is not locked.
 */
export function inspectLock(path: string, part?: string): LockInspection {
  const holder = holderOf(path, WHOLE) ?? partHolders(path, part).at(0);
  return holder === undefined ? { held: false } : { held: true, ...holder };
}

const WHOLE = 'lock';
const partName = (part: string) => `${WHOLE}.${part}`;

function hold(path: string, name: string, holder: Holder): DirectoryLock {
  let database: DatabaseSync | undefined;
  try {
    makePrivateDirectory(path);
    database = new DatabaseSync(join(path, `${name}.sqlite`), { timeout: PATIENCE_MS });
    database.exec('BEGIN EXCLUSIVE');
    writeHolder(path, name, holder);
  } catch (error) {
    database?.close();
    throw isBusy(error) ? lockedError(path, readHolder(path, name), name) : unusableData(path, error);
  }
  const locked = database;
  let held = true;
  return {
    publishAddress: (address) => writeHolder(path, name, { ...holder, address }),
    release: () => {
      if (!held) return;
      held = false;
      rmSync(join(path, `${name}.json`), { force: true });
      locked.exec('ROLLBACK');
      locked.close();
    },
  };
}

/** The owners of parts, those with an address first. */
function partHolders(path: string, only?: string): readonly Partial<Holder>[] {
  const names = (existsSync(path) ? readdirSync(path) : []).flatMap((file) => {
    const name = /^(lock\.[a-z-]+)\.sqlite$/.exec(file)?.[1];
    return name === undefined || (only !== undefined && name !== partName(only)) ? [] : [name];
  });
  const holders = names.flatMap((name) => holderOf(path, name) ?? []);
  return holders.sort((a, b) => Number(a.address === undefined) - Number(b.address === undefined));
}

/** Undefined where nobody holds it; {} where it is not known who does. */
function holderOf(path: string, name: string): Partial<Holder> | undefined {
  const file = join(path, `${name}.sqlite`);
  if (!existsSync(file)) return undefined;
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return undefined;
  } catch (error) {
    if (!isBusy(error)) throw error;
    return readHolder(path, name) ?? {};
  } finally {
    database.close();
  }
}

function lockedError(path: string, holder: Partial<Holder> | undefined, name = WHOLE): ConfigurationError {
  const what =
    name === WHOLE ? 'The data directory' : `Part ${name.slice(partName('').length)} of the data directory`;
  const who = holder?.pid === undefined ? 'another process' : `process ${holder.pid} (${holder.purpose})`;
  return new ConfigurationError('MR_DATA_LOCKED', `${what} ${path} is in use by ${who}.`, {
    hint: `Stop ${holder?.pid === undefined ? 'that process' : `it (kill ${holder.pid})`}, or name another directory with --data DIR.`,
  });
}

/** ConfigurationError MR_DATA_UNUSABLE. */
export function unusableData(path: string, cause: unknown): ConfigurationError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ConfigurationError('MR_DATA_UNUSABLE', `The data directory ${path} cannot be used: ${reason}.`, {
    hint: 'Choose a directory that this user may read and write with --data DIR.',
    cause,
  });
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

function writeHolder(path: string, name: string, holder: Holder): void {
  const temporary = join(path, `${name}.json.${process.pid}`);
  writeFileSync(temporary, JSON.stringify(holder));
  renameSync(temporary, join(path, `${name}.json`));
}

function readHolder(path: string, name: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(join(path, `${name}.json`), 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}
