import { createHmac, timingSafeEqual } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { keyAt, MASTER_KEY_FILE_NAME } from './master-key.ts';
import { translated, unusable } from './sqlite-errors.ts';

const FILE_NAME = 'pseudonyms.sqlite';
const applicationId = 0x4d525056; // 'MRPV'
const MAC_BYTES = 16;
const RESTORE = `Restore ${FILE_NAME} and ${MASTER_KEY_FILE_NAME} together from one backup.`;

/** A user's key as the file has it; undefined where it is not what was written. */
export type LegacyRow = { readonly handle: Buffer; readonly key: Buffer | undefined };

export function legacyVaultExists(directory: string): boolean {
  return existsSync(join(directory, FILE_NAME));
}

/**
 * The vault of releases that kept it in the data directory alone: `pseudonyms.sqlite` with each user's key in clear, by the
 * HMAC of the id under `pseudonyms.key`. It is read, moved to the log, and removed.
 */
export class LegacyVault {
  readonly path: string;
  /** What the handles of its users are made with. */
  readonly lookupKey: Buffer;
  readonly #database: DatabaseSync;
  readonly #macKey: Buffer;
  readonly #hasMacs: boolean;

  private constructor(path: string, database: DatabaseSync, lookupKey: Buffer, hasMacs: boolean) {
    this.path = path;
    this.#database = database;
    this.lookupKey = lookupKey;
    this.#macKey = createHmac('sha256', lookupKey).update('\0rows of the vault').digest();
    this.#hasMacs = hasMacs;
  }

  /** Undefined where there is none. Errors: ConfigurationError MR_PRIVACY_VAULT_UNUSABLE, RetryableError MR_PRIVACY_VAULT_BUSY. */
  static openIn(directory: string): LegacyVault | undefined {
    const path = join(directory, FILE_NAME);
    if (!existsSync(path)) return undefined;
    return translated(path, () => {
      const database = new DatabaseSync(path, { timeout: 5_000 });
      try {
        const application = Number(database.prepare('PRAGMA application_id').get()?.application_id);
        if (application !== applicationId) throw refused(`${path} is a database of another program`);
        const keyPath = join(directory, MASTER_KEY_FILE_NAME);
        const lookupKey = keyAt(keyPath, { mayMake: false });
        if (lookupKey === undefined) throw refused(`${keyPath} is missing, or is not a key`);
        const proof = database.prepare('SELECT proof FROM vault').get()?.proof;
        const isProof = (of: string) =>
          equal(proof, createHmac('sha256', lookupKey).update(`millrace vault of pseudonyms${of}`).digest());
        const hasMacs = isProof(', rows sealed');
        if (!hasMacs && !isProof('')) throw refused(`${keyPath} is the key of another vault`);
        return new LegacyVault(path, database, lookupKey, hasMacs);
      } catch (error) {
        database.close();
        throw error;
      }
    });
  }

  /** All rows, by handle. */
  *pages(rows: number): Generator<readonly LegacyRow[]> {
    const columns = this.#hasMacs ? 'handle, key, mac' : 'handle, key';
    const query = `SELECT ${columns} FROM keys WHERE handle > ? ORDER BY handle LIMIT ?`;
    const statement = translated(this.path, () => this.#database.prepare(query));
    for (let after: Uint8Array = Buffer.alloc(0); ; ) {
      const found = translated(this.path, () => statement.all(after, rows));
      if (found.length > 0) yield found.map((row) => this.#checked(row));
      if (found.length < rows) return;
      after = found.at(-1)?.handle as Uint8Array;
    }
  }

  /** Whether all of it is on a log; kept in the file, so that whoever removes it need not compare. */
  get isMoved(): boolean {
    const found = translated(this.path, () => this.#database.prepare('PRAGMA user_version').get());
    return Number(found?.user_version) === 1;
  }

  markMoved(): void {
    translated(this.path, () => this.#database.exec('PRAGMA synchronous = FULL; PRAGMA user_version = 1'));
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /** Closes it, and removes its files but for the key. */
  remove(): void {
    this.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${this.path}${suffix}`, { force: true });
  }

  #checked({ handle, key, mac }: Record<string, unknown>): LegacyRow {
    const [handleBytes, keyBytes] = [handle, key].map((bytes) => Buffer.from(bytes as Uint8Array)) as [
      Buffer,
      Buffer,
    ];
    if (!this.#hasMacs) return { handle: handleBytes, key: keyBytes };
    const expected = createHmac('sha256', this.#macKey).update(handleBytes).update(keyBytes).digest();
    return {
      handle: handleBytes,
      key: equal(mac, expected.subarray(0, MAC_BYTES)) ? keyBytes : undefined,
    };
  }
}

function equal(found: unknown, expected: Buffer): boolean {
  return found instanceof Uint8Array && found.length === expected.length && timingSafeEqual(found, expected);
}

function refused(what: string): Error {
  return unusable(what, undefined, RESTORE);
}
