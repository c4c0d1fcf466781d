import { createHmac } from 'node:crypto';
import { invariant, RetryableError } from '#platform';
import type { VaultRecord } from '#schemas';
import { type MasterKey, type MasterKeys, wrongKey } from './master-key.ts';
import { unusable } from './sqlite-errors.ts';
import { LOOKUP_RECORD, type SealedKey, type VaultView } from './vault-view.ts';

const HANDLE_BYTES = 16;

/** A record to write; null is the tombstone of a user who is forgotten. */
export type Change = { readonly key: string; readonly value: VaultRecord | null };

/**
 * The keys that open a vault: master keys by name, and the lookup key, which is sealed under one of them on the topic. A
 * user's record is found by HMAC-SHA256(lookup key, user id), so that the topic names nobody.
 */
export class Keyring {
  readonly #source: MasterKeys;
  readonly #view: VaultView;
  readonly #masters = new Map<string, MasterKey>();
  #lookupKey: Buffer | undefined;

  constructor(source: MasterKeys, view: VaultView) {
    this.#source = source;
    this.#view = view;
  }

  /** Errors: MR_PRIVACY_MASTER_KEY. */
  forNewVault(): MasterKey {
    return this.#keep(this.#source.forNewVault());
  }

  /** The master key to rotate to. Errors: MR_PRIVACY_MASTER_KEY. */
  next(): MasterKey {
    return this.#keep(this.#source.next());
  }

  /** The vault is sealed under the next master key; returns what is left to the user to do. */
  rotated(): string | undefined {
    return this.#source.rotated();
  }

  /** What new users are sealed under: from the beginning of a rotation on, the next master key. */
  get inForce(): MasterKey {
    const lookup = this.#view.lookup;
    invariant(lookup !== undefined, 'an open vault has a lookup key');
    return this.#named(lookup.masterKey);
  }

  /** The lookup key. Errors: MR_PRIVACY_MASTER_KEY, MR_PRIVACY_VAULT_UNUSABLE, MR_PRIVACY_VAULT_BUSY. */
  unlock(): Buffer {
    if (this.#lookupKey !== undefined) return this.#lookupKey;
    const lookup = this.#view.lookup;
    if (lookup === undefined) throw beingMoved();
    const key = this.#named(lookup.masterKey).open(LOOKUP_RECORD, lookup.sealed);
    if (key === undefined) {
      throw unusable(
        'the record that users are looked up by is damaged',
        undefined,
        'Restore the log from a backup.',
      );
    }
    this.#lookupKey = key;
    return key;
  }

  /** The key of a user's record. */
  handleOf(userId: string): string {
    const digest = createHmac('sha256', this.unlock()).update(userId).digest();
    return digest.subarray(0, HANDLE_BYTES).toString('base64url');
  }

  /** What a record holds; undefined if it is damaged. Errors: MR_PRIVACY_MASTER_KEY. */
  open(recordKey: string, { masterKey, sealed }: SealedKey): Buffer | undefined {
    return sealed.length === 0 ? undefined : this.#named(masterKey).open(recordKey, sealed);
  }

  /** The same record under another master key; undefined if it is damaged. */
  resealed(recordKey: string, row: SealedKey, master: MasterKey): Change | undefined {
    const opened = this.open(recordKey, row);
    return opened && sealedRecord(master, recordKey, opened);
  }

  #keep(key: MasterKey): MasterKey {
    this.#masters.set(key.name, key);
    return key;
  }

  #named(name: string): MasterKey {
    const known = this.#masters.get(name);
    if (known !== undefined) return known;
    // Files may hold another one since a rotation began.
    for (const key of this.#source.current()) this.#keep(key);
    const found = this.#masters.get(name);
    if (found === undefined) throw wrongKey(this.#source, name);
    return found;
  }
}

export function sealedRecord(master: MasterKey, recordKey: string, secret: Buffer): Change {
  return { key: recordKey, value: { master_key: master.name, sealed: master.seal(recordKey, secret) } };
}

export function beingMoved(): RetryableError {
  return new RetryableError(
    'MR_PRIVACY_VAULT_BUSY',
    'The vault is being moved to the log by another process.',
    {
      hint: 'Wait until the start on the data directory that holds pseudonyms.sqlite is up; if it was cut off, start it again.',
    },
  );
}
