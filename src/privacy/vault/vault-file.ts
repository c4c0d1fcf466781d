import { createHmac, timingSafeEqual } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConfigurationError, errorCode, integrityProblem, MillraceError, RetryableError } from '#platform';
import { masterKeyAt } from './master-key.ts';
import { RowSeal } from './row-seal.ts';

/**
 * The files of the vault: `pseudonyms.sqlite` with a key for each user, and `pseudonyms.key`, without which nobody can
 * tell whose they are. Both belong to their owner alone, and both are needed: a copy for safety holds the two.
 */
export const VAULT_FILE_NAME = 'pseudonyms.sqlite';
const MASTER_KEY_FILE_NAME = 'pseudonyms.key';

const applicationId = 0x4d525056; // 'MRPV'
/** How long a call waits for another process. Writes are some ms long. */
const DEFAULT_PATIENCE_MS = 5_000;

export type OpenedVault = { readonly database: DatabaseSync; readonly masterKey: Buffer };

export function vaultExists(directory: string): boolean {
  return existsSync(join(directory, VAULT_FILE_NAME));
}

/** What SQLite finds wrong with the file; undefined where it finds nothing. */
export function vaultFileProblem(directory: string): string | undefined {
  return integrityProblem(join(directory, VAULT_FILE_NAME));
}

/** Makes the vault where there is none. ConfigurationError MR_PRIVACY_VAULT_UNUSABLE, RetryableError MR_PRIVACY_VAULT_BUSY. */
export function openVaultFile(directory: string, patienceMs = DEFAULT_PATIENCE_MS): OpenedVault {
  const path = join(directory, VAULT_FILE_NAME);
  const keyPath = join(directory, MASTER_KEY_FILE_NAME);
  return translated(path, () => {
    mkdirSync(directory, { recursive: true });
    makePrivate(path);
    const database = new DatabaseSync(path, { timeout: patienceMs });
    try {
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
      database.exec('BEGIN IMMEDIATE');
      const masterKey = isNew(database, path) ? create(database, keyPath) : unlocked(database, keyPath);
      database.exec('COMMIT');
      return { database, masterKey };
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/**
 * Makes the file for its owner alone; SQLite gives the files beside it its mode. One that is there is not so much as
 * opened: to close it again would take away the locks of every connection that this process has to it.
 */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

function isNew(database: DatabaseSync, path: string): boolean {
  const application = Number(database.prepare('PRAGMA application_id').get()?.application_id);
  const objects = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n);
  if (application === applicationId) return false;
  if (application === 0 && objects === 0) return true;
  throw unusable(`${path} is a database of another program`);
}

function create(database: DatabaseSync, keyPath: string): Buffer {
  const masterKey = masterKeyAt(keyPath, { mayMake: true });
  if (masterKey === undefined) throw unusable(`${keyPath} holds no key`);
  database.exec(`PRAGMA application_id = ${applicationId};
    CREATE TABLE vault (
      id INTEGER PRIMARY KEY CHECK (id = 1), proof BLOB NOT NULL,
      forgotten INTEGER NOT NULL DEFAULT 0, scrubbed INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE keys (handle BLOB PRIMARY KEY, key BLOB NOT NULL, mac BLOB NOT NULL) WITHOUT ROWID`);
  database.prepare('INSERT INTO vault (id, proof) VALUES (1, ?)').run(proofOf(masterKey));
  return masterKey;
}

/** Another key than the vault's own would find nobody in it, and give everybody a new name. */
function unlocked(database: DatabaseSync, keyPath: string): Buffer {
  const masterKey = masterKeyAt(keyPath, { mayMake: false });
  if (masterKey === undefined) throw unusable(`${keyPath} is missing, or is not a key`);
  const proof = database.prepare('SELECT proof FROM vault').get()?.proof;
  if (isProof(proof, unsealedProofOf(masterKey))) seal(database, masterKey);
  else if (!isProof(proof, proofOf(masterKey))) throw unusable(`${keyPath} is the key of another vault`);
  return masterKey;
}

/**
 * Gives each row of an earlier release's vault its seal. The proof says whether it has none yet, so a
 * flipped bit in the file can't get damaged rows sealed as they are.
 */
function seal(database: DatabaseSync, masterKey: Buffer): void {
  const rows = new RowSeal(masterKey);
  database.function('seal_of', { deterministic: true }, (handle, key) =>
    rows.of(handle as Uint8Array, key as Uint8Array),
  );
  database.exec(`ALTER TABLE keys ADD COLUMN mac BLOB NOT NULL DEFAULT x'';
    UPDATE keys SET mac = seal_of(handle, key)`);
  database.prepare('UPDATE vault SET proof = ?').run(proofOf(masterKey));
}

function isProof(found: unknown, expected: Buffer): boolean {
  return found instanceof Uint8Array && found.length === expected.length && timingSafeEqual(found, expected);
}

/** The format of a vault whose rows are sealed. */
function proofOf(masterKey: Buffer): Buffer {
  return createHmac('sha256', masterKey).update('millrace vault of pseudonyms, rows sealed').digest();
}

/** As releases wrote it that did not seal rows. */
function unsealedProofOf(masterKey: Buffer): Buffer {
  return createHmac('sha256', masterKey).update('millrace vault of pseudonyms').digest();
}

/** Runs `work` with the errors of SQLite and of the file system translated. */
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

function unusable(what: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    'MR_PRIVACY_VAULT_UNUSABLE',
    `The vault of pseudonyms can't be used: ${what}.`,
    {
      hint: `Restore ${VAULT_FILE_NAME} and ${MASTER_KEY_FILE_NAME} together from one backup, readable and writable only by this user.`,
      cause,
    },
  );
}
