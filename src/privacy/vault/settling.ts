import { randomBytes } from 'node:crypto';
import { type ConfigurationError, failpoint } from '#platform';
import type { FollowedView } from './followed-view.ts';
import { beingMoved, type Keyring, sealedRecord } from './keyring.ts';
import { LegacyVault } from './legacy-vault.ts';
import { unusable } from './sqlite-errors.ts';
import { LOOKUP_RECORD, type SealedKey } from './vault-view.ts';

export const USER_KEY_BYTES = 32;
/** Records of one transaction. */
const MOVED_AT_ONCE = 5_000;

type Parts = { readonly followed: FollowedView; readonly keyring: Keyring };

/**
 * Adopts the vault on the topic, moves the one that an earlier release kept in the data directory, or begins a new one.
 * Errors: those of openVault.
 */
export async function settle(parts: Parts, dataDirectory: string): Promise<void> {
  const legacy = LegacyVault.openIn(dataDirectory);
  try {
    if (legacy !== undefined) await move(parts, legacy);
    else if (parts.followed.view.lookup === undefined) await begin(parts, randomBytes(USER_KEY_BYTES));
  } finally {
    legacy?.close();
  }
  parts.keyring.unlock();
}

/** With `lookupKey`, unless another process was quicker. */
async function begin(
  { followed, keyring }: Parts,
  lookupKey: Buffer,
  { isMoving = false } = {},
): Promise<void> {
  await followed.change(() => {
    const { lookup, hasUsers } = followed.view;
    if (lookup !== undefined) return [];
    if (hasUsers && !isMoving) throw beingMoved();
    return [sealedRecord(keyring.forNewVault(), LOOKUP_RECORD, lookupKey)];
  });
}

/**
 * Rows first and the lookup key last: before that no other process takes the topic for a vault. Each step can be
 * repeated.
 */
async function move(parts: Parts, legacy: LegacyVault): Promise<void> {
  if (parts.followed.view.lookup === undefined) {
    await moveRows(parts, legacy);
    legacy.markMoved();
    failpoint('privacy.vault.moved');
    await begin(parts, legacy.lookupKey, { isMoving: true });
    failpoint('privacy.vault.moved-lookup');
  }
  if (!parts.keyring.unlock().equals(legacy.lookupKey)) throw otherVault(legacy.path);
  if (!legacy.isMoved) requireAll(parts, legacy);
  legacy.remove();
}

async function moveRows({ followed, keyring }: Parts, legacy: LegacyVault): Promise<void> {
  const master = keyring.forNewVault();
  const isSame = (name: string, row: SealedKey, key: Buffer) =>
    row.masterKey === master.name && master.open(name, row.sealed)?.equals(key) === true;
  for (const page of legacy.pages(MOVED_AT_ONCE)) {
    await followed.change(() =>
      page.flatMap(({ handle, key }) => {
        const name = handle.toString('base64url');
        const row = followed.view.find(name);
        if (row !== undefined && (key === undefined || isSame(name, row, key))) return [];
        if (key !== undefined) return [sealedRecord(master, name, key)];
        // What is damaged stays damaged: another name would split its user's history.
        return [{ key: name, value: { master_key: master.name, sealed: Buffer.alloc(0) } }];
      }),
    );
    failpoint('privacy.vault.moved-page');
  }
}

/** A copy of a vault that was moved to the log from elsewhere. */
function requireAll({ followed }: Parts, legacy: LegacyVault): void {
  let missing = 0;
  for (const page of legacy.pages(MOVED_AT_ONCE)) {
    const isMissing = page.map(
      ({ handle }) => followed.view.find(handle.toString('base64url')) === undefined,
    );
    missing += isMissing.filter(Boolean).length;
  }
  if (missing > 0) throw differentCopy(legacy.path, missing);
}

function otherVault(path: string): ConfigurationError {
  return unusable(
    `${path} holds other users than the vault on the log`,
    undefined,
    'Use the data directory, or the log, that it belongs to.',
  );
}

function differentCopy(path: string, missing: number): ConfigurationError {
  return unusable(
    `${path} has ${missing} users whom the vault on the log does not have: it is a copy, and they were erased since, or it went its own way`,
    undefined,
    'The log has the vault now: move the file away.',
  );
}
