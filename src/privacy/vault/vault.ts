import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FatalError, failpoint, RetryableError } from '#platform';
import type { Pseudonyms, VaultCheck } from '../pseudonyms.ts';
import { KnownUsers } from './known-users.ts';
import { RowSeal } from './row-seal.ts';
import { openVaultFile, translated, VAULT_FILE_NAME } from './vault-file.ts';

/** Rows that one step of the check looks at: about 30 ms. */
const CHECKED_AT_ONCE = 10_000;
/** 128 bits: no two users of one log will ever have the same. */
const PSEUDONYM_BYTES = 16;
const HANDLE_BYTES = 16;
const USER_KEY_BYTES = 32;

export type VaultOptions = {
  /** How long a call waits, blocking its thread, while another process writes, ms; 5,000. */
  readonly patienceMs?: number;
};

/** Opens the vault in `directory`, made where there is none. Any number of processes may have it open at once. */
export function openVault(directory: string, options: VaultOptions = {}): Pseudonyms {
  return new Vault(directory, options);
}

/**
 * Pseudonyms by a random key for each user: HMAC-SHA256(user's key, user id), 22 characters of base64url. A user's row is
 * found by HMAC-SHA256(master key, user id), so that the file names nobody. To forget a user is to destroy the key: the
 * pseudonym is then the HMAC of a key that nobody has.
 *
 * What another process forgets is noticed at the next call: each looks whether the file was written to (two microseconds),
 * and if so whether a user was forgotten, which empties the cache. A name that was handed out before stays with whoever has
 * it; admission refuses what comes under the name of an erased user.
 */
class Vault implements Pseudonyms {
  readonly forgets = true;
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #masterKey: Buffer;
  readonly #seal: RowSeal;
  readonly #known = new KnownUsers();
  readonly #queries;
  #damage: string | undefined;
  #dataVersion = -1;
  #forgotten = -1;

  constructor(directory: string, { patienceMs }: VaultOptions) {
    this.#path = join(directory, VAULT_FILE_NAME);
    const { database, masterKey } = openVaultFile(directory, patienceMs);
    this.#database = database;
    this.#masterKey = masterKey;
    this.#seal = new RowSeal(masterKey);
    this.#queries = queries(database);
    try {
      // A process that ended while it forgot a user may have left the key in the write-ahead log.
      translated(this.#path, () => this.#needsScrub() && this.#scrub());
    } catch (error) {
      database.close();
      throw error;
    }
  }

  pseudonymOf(userId: string): string {
    return this.#pseudonyms([userId])[0] as string;
  }

  pseudonymsOf(userIds: readonly string[]): readonly string[] {
    return this.#pseudonyms(userIds);
  }

  known(userId: string): string | undefined {
    return translated(this.#path, () => {
      this.#lookForChanges();
      return this.#find(userId);
    });
  }

  forget(userId: string): void {
    translated(this.#path, () => {
      this.#transaction(() => {
        const { changes } = this.#queries.remove.run(this.#handle(userId));
        if (changes > 0) this.#queries.countForgotten.run();
      });
      this.#known.clear();
      failpoint('privacy.vault.forgotten');
      if (this.#needsScrub()) this.#scrub();
    });
  }

  get damage(): string | undefined {
    return this.#damage;
  }

  async check(signal?: AbortSignal): Promise<VaultCheck> {
    let damaged = 0;
    let users = 0;
    for (let after: Uint8Array = Buffer.alloc(0); ; ) {
      signal?.throwIfAborted();
      if (!this.#database.isOpen) throw closed();
      const rows = translated(this.#path, () => this.#queries.page.all(after, CHECKED_AT_ONCE)) as Row[];
      for (const [handle, key, seal] of rows) if (!this.#seal.fits(seal, handle, key)) damaged++;
      users += rows.length;
      after = rows.at(-1)?.[0] ?? after;
      if (rows.length < CHECKED_AT_ONCE) break;
      await nextTurn();
    }
    if (damaged > 0) this.#damage = damagedRows(this.#path, damaged);
    return { users, damaged };
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #pseudonyms(userIds: readonly string[]): string[] {
    return translated(this.#path, () => {
      this.#lookForChanges();
      const found = userIds.map((userId) => this.#find(userId));
      if (found.every((each) => each !== undefined)) return found;
      return this.#transaction(() => userIds.map((userId, i) => found[i] ?? this.#make(userId)));
    });
  }

  #find(userId: string): string | undefined {
    const known = this.#known.get(userId);
    if (known !== undefined) return known;
    const handle = this.#handle(userId);
    const row = this.#queries.find.get(handle) as KeyAndSeal | undefined;
    return row === undefined ? undefined : this.#remember(userId, handle, row);
  }

  /** Inside a write transaction: another process, or an earlier place in the same call, may have been quicker. */
  #make(userId: string): string {
    const handle = this.#handle(userId);
    const key = randomBytes(USER_KEY_BYTES);
    this.#queries.add.run(handle, key, this.#seal.of(handle, key));
    return this.#remember(userId, handle, this.#queries.find.get(handle) as KeyAndSeal);
  }

  /** Errors: MR_PRIVACY_VAULT_DAMAGED. */
  #remember(userId: string, handle: Uint8Array, [key, seal]: KeyAndSeal): string {
    if (!this.#seal.fits(seal, handle, key)) {
      this.#damage ??= damagedRows(this.#path, 1);
      throw new FatalError('MR_PRIVACY_VAULT_DAMAGED', `The key of a user in ${this.#path} is damaged.`, {
        hint: `Restore ${VAULT_FILE_NAME} and pseudonyms.key together from one backup; "millrace verify" counts what is damaged.`,
      });
    }
    const digest = createHmac('sha256', key).update(userId).digest();
    const pseudonym = digest.subarray(0, PSEUDONYM_BYTES).toString('base64url');
    this.#known.set(userId, pseudonym);
    return pseudonym;
  }

  #handle(userId: string): Buffer {
    return createHmac('sha256', this.#masterKey).update(userId).digest().subarray(0, HANDLE_BYTES);
  }

  #lookForChanges(): void {
    const version = Number(this.#queries.dataVersion.get()?.[0]);
    if (version === this.#dataVersion) return;
    const forgotten = Number(this.#queries.forgotten.get()?.[0]);
    if (forgotten !== this.#forgotten) this.#known.clear();
    this.#forgotten = forgotten;
    this.#dataVersion = version;
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // What was remembered in a transaction that came to nothing is no user's name.
      this.#known.clear();
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #needsScrub(): boolean {
    const [forgotten = 0, scrubbed = 0] = this.#queries.forgotten.get() as [number, number];
    return forgotten > scrubbed;
  }

  /** The database file has zeros where keys were (secure_delete); what the write-ahead log had is cut off with it. */
  #scrub(): void {
    const [forgotten = 0] = this.#queries.forgotten.get() as [number, number];
    const busy = this.#queries.checkpoint.get()?.[0];
    if (busy !== 0) {
      throw new RetryableError('MR_PRIVACY_VAULT_BUSY', `${this.#path} is being read by another process.`, {
        hint: 'A forgotten key is still in its write-ahead log: erase the user again.',
      });
    }
    this.#queries.setScrubbed.run(forgotten);
  }
}

type KeyAndSeal = [key: Uint8Array, seal: unknown];
type Row = [handle: Uint8Array, ...KeyAndSeal];

function damagedRows(path: string, count: number): string {
  return `${count} of the keys of users in ${path} ${count === 1 ? 'is' : 'are'} damaged`;
}

function closed(): RetryableError {
  return new RetryableError('MR_PRIVACY_VAULT_BUSY', 'The vault of pseudonyms was closed meanwhile.');
}

type Query = {
  run(...values: SQLInputValue[]): { changes: number | bigint };
  get(...values: SQLInputValue[]): SQLOutputValue[] | undefined;
  all(...values: SQLInputValue[]): SQLOutputValue[][];
};

const queries = (database: DatabaseSync) => {
  const query = (sql: string): Query => {
    const statement: StatementSync = database.prepare(sql);
    statement.setReturnArrays(true);
    return statement as unknown as Query;
  };
  return {
    dataVersion: query('PRAGMA data_version'),
    checkpoint: query('PRAGMA wal_checkpoint(TRUNCATE)'),
    find: query('SELECT key, mac FROM keys WHERE handle = ?'),
    page: query('SELECT handle, key, mac FROM keys WHERE handle > ? ORDER BY handle LIMIT ?'),
    add: query('INSERT INTO keys (handle, key, mac) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    remove: query('DELETE FROM keys WHERE handle = ?'),
    forgotten: query('SELECT forgotten, scrubbed FROM vault'),
    countForgotten: query('UPDATE vault SET forgotten = forgotten + 1'),
    setScrubbed: query('UPDATE vault SET scrubbed = max(scrubbed, ?)'),
  };
};
