import { createHmac, randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from '#log';
import {
  type Clock,
  Deadline,
  errorCode,
  FatalError,
  failpoint,
  type Logger,
  RetryableError,
} from '#platform';
import type { Erased } from '../erasure.ts';
import type { Pseudonyms, VaultCheck } from '../pseudonyms.ts';
import { FollowedView, type VaultTopic } from './followed-view.ts';
import { type Change, Keyring, sealedRecord } from './keyring.ts';
import { KnownUsers } from './known-users.ts';
import type { MasterKeys } from './master-key.ts';
import { NewUsers } from './new-users.ts';
import { type Rotation, type RotationOptions, rotateMasterKey } from './rotation.ts';
import { settle, USER_KEY_BYTES } from './settling.ts';
import { removeView, type SealedKey, VaultView } from './vault-view.ts';

/** Rows that one step of the check looks at: about 30 ms. */
const CHECKED_AT_ONCE = 5_000;
/** 128 bits: no two users of one log will ever have the same. */
const PSEUDONYM_BYTES = 16;
const DEFAULT_PATIENCE_MS = 5_000;

export type VaultOptions = {
  readonly log: Log;
  readonly topic: VaultTopic;
  /** Where the view of the topic lies: it belongs to this log alone. */
  readonly directory: string;
  readonly keys: MasterKeys;
  /** Where an earlier release may have kept its vault. */
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Removes from the log's own files what a tombstone stands for; where brokers have the files, they do. */
  readonly scrubLog?: (() => Promise<Erased>) | undefined;
  /** How long a call waits for the log, ms; 5,000. */
  readonly patienceMs?: number;
};

export interface Vault extends Pseudonyms {
  /**
   * Seals every key under the next master key, beside whatever else goes on; a call that was cut off is completed by
   * another. Errors: ConfigurationError MR_PRIVACY_MASTER_KEY; those of Pseudonyms.
   */
  rotateMasterKey(options: RotationOptions): Promise<Rotation>;
}

/**
 * Opens the vault of a log, made where the topic is empty, and reads the topic to its end. A vault that an earlier release
 * kept in the data directory is moved to the log first. Errors: ConfigurationError MR_PRIVACY_MASTER_KEY,
 * MR_PRIVACY_VAULT_UNUSABLE; RetryableError MR_PRIVACY_VAULT_BUSY; those of the log.
 */
export async function openVault(options: VaultOptions): Promise<Vault> {
  try {
    return await VaultOnLog.open(options);
  } catch (error) {
    if (!(error instanceof DamagedView)) throw error;
    removeView(options.directory);
    return VaultOnLog.open(options, error.message);
  }
}

/** The view cannot be used: it is made again. */
class DamagedView extends Error {}

/**
 * Pseudonyms by a random key for each user: HMAC-SHA256(user's key, user id), 22 characters of base64url. Users' keys and the
 * key that users are looked up by are sealed under the master key. To forget a user is to write a tombstone: the pseudonym
 * is then the HMAC of a key that nobody has.
 */
class VaultOnLog implements Vault {
  readonly forgets = true;
  readonly #options: VaultOptions;
  readonly #patienceMs: number;
  readonly #view: VaultView;
  readonly #followed: FollowedView;
  readonly #keyring: Keyring;
  readonly #known = new KnownUsers();
  readonly #newUsers = new NewUsers((userIds, seal) => this.#write(userIds, seal));
  readonly #closing = new AbortController();
  readonly #repaired: string | undefined;
  #healing: Promise<unknown> | undefined;
  #damage: string | undefined;
  #dataVersion = -1;
  #forgotten = -1;

  private constructor(options: VaultOptions, view: VaultView, repaired: string | undefined) {
    const { patienceMs = DEFAULT_PATIENCE_MS } = options;
    this.#options = options;
    this.#patienceMs = patienceMs;
    this.#view = view;
    this.#repaired = repaired;
    this.#keyring = new Keyring(options.keys, view);
    const onForgotten = () => this.#known.clear();
    this.#followed = new FollowedView(view, { ...options, patienceMs, onForgotten });
  }

  static async open(options: VaultOptions, repaired?: string): Promise<VaultOnLog> {
    const vault = new VaultOnLog(options, openView(options.directory), repaired);
    try {
      await vault.#followed.resetIfForeign();
      await vault.#followed.catchUp().catch((error) => {
        throw damagedView(error);
      });
      await settle({ followed: vault.#followed, keyring: vault.#keyring }, options.dataDirectory);
      const { count, scrubbed } = vault.#view.forgotten;
      // A process that ended while it forgot a user may have left the key in files.
      if (count > scrubbed) await vault.#followed.scrub();
    } catch (error) {
      await vault.close();
      throw error;
    }
    vault.#followed.follow();
    return vault;
  }

  async pseudonymOf(userId: string): Promise<string> {
    return (await this.pseudonymsOf([userId]))[0] as string;
  }

  async pseudonymsOf(userIds: readonly string[]): Promise<readonly string[]> {
    this.#lookForChanges();
    const found = userIds.map((userId) => this.#find(userId));
    if (found.every((each) => each !== undefined)) return found;
    const naming = this.#newUsers.name(new Set(userIds.filter((_, i) => found[i] === undefined)));
    // Goes on when the caller has given up: whoever asks again finds its users.
    naming.catch(() => {});
    const names = await this.#inTime(naming);
    return userIds.map((userId, i) => found[i] ?? (names.get(userId) as string));
  }

  known(userId: string): string | undefined {
    this.#lookForChanges();
    return this.#find(userId);
  }

  async forget(userId: string): Promise<Erased | undefined> {
    const handle = this.#keyring.handleOf(userId);
    const forgetting = this.#followed.change(() => {
      return this.#view.find(handle) === undefined ? [] : [{ key: handle, value: null }];
    });
    await this.#inTime(forgetting);
    this.#known.clear();
    failpoint('privacy.vault.forgotten');
    return this.#followed.scrub();
  }

  get damage(): string | undefined {
    return this.#damage;
  }

  async check(signal?: AbortSignal): Promise<VaultCheck> {
    let { users, damaged } = await this.#count(signal);
    let repaired = this.#repaired;
    if (damaged.size > 0) {
      const before = damaged.size;
      await this.#followed.readAgain(damaged);
      ({ users, damaged } = await this.#count(signal));
      if (damaged.size < before) {
        repaired ??= `${rowsOf(before - damaged.size)} in ${this.#view.path} damaged, and read from the log again`;
      }
    }
    this.#damage = damaged.size === 0 ? undefined : this.#damagedKeys(damaged.size);
    return { users, damaged: damaged.size, repaired };
  }

  rotateMasterKey(options: RotationOptions): Promise<Rotation> {
    return rotateMasterKey({ followed: this.#followed, keyring: this.#keyring }, options);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#followed.stop();
    await this.#healing?.catch(() => {});
    // A log that is unavailable may leave a transaction open for long: its next writer ends it.
    await Deadline.after(this.#options.clock, this.#patienceMs).race(this.#followed.closeWriter());
    this.#view.close();
  }

  async #write(userIds: ReadonlySet<string>, seal: () => void): Promise<ReadonlyMap<string, string>> {
    const names = new Map<string, string>();
    await this.#followed.change(() => {
      seal();
      const master = this.#keyring.inForce;
      const changes: Change[] = [];
      for (const userId of userIds) {
        const handle = this.#keyring.handleOf(userId);
        const row = this.#view.find(handle);
        const key = row === undefined ? randomBytes(USER_KEY_BYTES) : this.#opened(handle, row);
        names.set(userId, pseudonymBy(key, userId));
        if (row === undefined) changes.push(sealedRecord(master, handle, key));
      }
      return changes;
    });
    for (const [userId, name] of names) this.#known.set(userId, name);
    return names;
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const outcome = await Deadline.after(this.#options.clock, this.#patienceMs).race(work);
    if (outcome.inTime) return outcome.value;
    throw new RetryableError(
      'MR_PRIVACY_VAULT_BUSY',
      `The log did not take the change within ${this.#patienceMs} ms.`,
      {
        hint: 'Retry; users who are known are served meanwhile.',
      },
    );
  }

  async #count(signal: AbortSignal | undefined) {
    const damaged = new Set<string>();
    let users = 0;
    for (let after = ''; ; ) {
      signal?.throwIfAborted();
      if (!this.#view.isOpen) throw closed();
      const rows = this.#view.page(after, CHECKED_AT_ONCE);
      for (const row of rows) if (this.#keyring.open(row.handle, row) === undefined) damaged.add(row.handle);
      users += rows.length;
      after = rows.at(-1)?.handle ?? after;
      if (rows.length < CHECKED_AT_ONCE) return { users, damaged };
      await nextTurn();
    }
  }

  #find(userId: string): string | undefined {
    const known = this.#known.get(userId);
    if (known !== undefined) return known;
    const handle = this.#keyring.handleOf(userId);
    const row = this.#view.find(handle);
    if (row === undefined) return undefined;
    const pseudonym = pseudonymBy(this.#opened(handle, row), userId);
    this.#known.set(userId, pseudonym);
    return pseudonym;
  }

  /** Errors: MR_PRIVACY_VAULT_DAMAGED, MR_PRIVACY_MASTER_KEY. */
  #opened(handle: string, row: SealedKey): Buffer {
    const key = this.#keyring.open(handle, row);
    if (key !== undefined) return key;
    this.#damage ??= this.#damagedKeys(1);
    this.#healing ??= this.check(this.#closing.signal)
      .catch((err) => {
        this.#options.logger.error({ err }, 'the vault of pseudonyms could not be read again');
      })
      .finally(() => {
        this.#healing = undefined;
      });
    throw new FatalError('MR_PRIVACY_VAULT_DAMAGED', `The key of a user in ${this.#view.path} is damaged.`, {
      hint: 'It is read from the log again: retry. If it is damaged there, restore the log; "millrace verify" counts such keys.',
    });
  }

  #damagedKeys(count: number): string {
    return `${count} of the keys of users in ${this.#view.path} ${count === 1 ? 'is' : 'are'} damaged`;
  }

  /** What another process of the directory forgets is noticed at the next call; two microseconds. */
  #lookForChanges(): void {
    const version = this.#view.dataVersion;
    if (version === this.#dataVersion) return;
    const { count } = this.#view.forgotten;
    if (count !== this.#forgotten) this.#known.clear();
    this.#forgotten = count;
    this.#dataVersion = version;
  }
}

function pseudonymBy(key: Buffer, userId: string): string {
  const digest = createHmac('sha256', key).update(userId).digest();
  return digest.subarray(0, PSEUDONYM_BYTES).toString('base64url');
}

/** Errors that the view alone is to blame for: it is made again. */
function damagedView(error: unknown): unknown {
  return errorCode(error) === 'MR_PRIVACY_VAULT_UNUSABLE' ? new DamagedView((error as Error).message) : error;
}

function openView(directory: string): VaultView {
  try {
    return VaultView.open(directory);
  } catch (error) {
    throw damagedView(error);
  }
}

function rowsOf(count: number): string {
  return count === 1 ? '1 key was' : `${count} keys were`;
}

function closed(): RetryableError {
  return new RetryableError('MR_PRIVACY_VAULT_BUSY', 'The vault of pseudonyms was closed meanwhile.');
}
