import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigurationError, errorCode, makePrivateDirectory } from '#platform';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Seals the keys of users (AES-256-GCM). Of the secret itself, records carry a derived name and nothing else. */
export class MasterKey {
  /** Tells one master key from another; public. */
  readonly name: string;
  readonly #sealing: Buffer;

  constructor(secret: Buffer) {
    this.name = derived(secret, 'name', 8).toString('hex');
    this.#sealing = derived(secret, 'sealing', KEY_BYTES);
  }

  /** The record's key is part of what is authenticated: sealed under one, a value opens under no other. */
  seal(recordKey: string, secret: Uint8Array): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#sealing, nonce);
    cipher.setAAD(Buffer.from(recordKey));
    return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
  }

  /** Undefined for what is not as it was sealed. */
  open(recordKey: string, sealed: Uint8Array): Buffer | undefined {
    if (sealed.length <= NONCE_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#sealing, sealed.subarray(0, NONCE_BYTES));
    decipher.setAAD(Buffer.from(recordKey));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const opened = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
    try {
      return Buffer.concat([opened, decipher.final()]);
    } catch {
      return undefined;
    }
  }
}

function derived(secret: Buffer, use: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `millrace vault: ${use}`, bytes));
}

/** Where master keys come from. */
export interface MasterKeys {
  /** What the user has to change where a key does not fit. */
  readonly source: string;
  /** As the source has them now, both of a rotation; [] where there is none yet. Errors: MR_PRIVACY_MASTER_KEY. */
  current(): readonly MasterKey[];
  /** The one of a new vault, made where that is the source's business. Errors: MR_PRIVACY_MASTER_KEY. */
  forNewVault(): MasterKey;
  /** The one to rotate to. Errors: MR_PRIVACY_MASTER_KEY. */
  next(): MasterKey;
  /** Everything is sealed under `next`; returns what is left to the user to do. */
  rotated(): string | undefined;
}

export const MASTER_KEY_FILE_NAME = 'pseudonyms.key';
export const NEXT_KEY_FILE_NAME = 'pseudonyms.next.key';

/** Keys in the data directory, for their owner alone: what a log has whose configuration names none. */
export function masterKeyFiles(directory: string): MasterKeys {
  const path = join(directory, MASTER_KEY_FILE_NAME);
  const nextPath = join(directory, NEXT_KEY_FILE_NAME);
  const required = (at: string): MasterKey => {
    makePrivateDirectory(directory);
    const secret = keyAt(at, { mayMake: true });
    if (secret === undefined) throw noKey(`${at} holds no key of ${KEY_BYTES} bytes`);
    return new MasterKey(secret);
  };
  return {
    source: path,
    current: () =>
      [path, nextPath].flatMap((each) => {
        const secret = keyAt(each, { mayMake: false });
        if (secret !== undefined) return [new MasterKey(secret)];
        if (existsSync(each)) throw noKey(`${each} holds no key of ${KEY_BYTES} bytes`);
        return [];
      }),
    forNewVault: () => required(path),
    next: () => required(nextPath),
    rotated: () => {
      renameSync(nextPath, path);
      syncDirectory(directory);
      return undefined;
    },
  };
}

export type ConfiguredKeys = {
  readonly masterKey: string;
  readonly nextMasterKey?: string | undefined;
};

/** Keys of the configuration: 32 bytes each, in base64 or hexadecimal. Errors: MR_PRIVACY_MASTER_KEY. */
export function configuredMasterKeys({ masterKey, nextMasterKey }: ConfiguredKeys): MasterKeys {
  const primary = parsed('privacy.masterKey', masterKey);
  const next = nextMasterKey === undefined ? undefined : parsed('privacy.nextMasterKey', nextMasterKey);
  return {
    source: 'privacy.masterKey',
    current: () => (next === undefined ? [primary] : [primary, next]),
    forNewVault: () => primary,
    next: () => {
      if (next !== undefined && next.name !== primary.name) return next;
      throw noKey('there is no key to rotate to', 'Set privacy.nextMasterKey in every process, then rotate.');
    },
    rotated: () => 'Set privacy.masterKey to the value of privacy.nextMasterKey everywhere, and unset that.',
  };
}

function parsed(option: string, text: string): MasterKey {
  const secret = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (secret.length === KEY_BYTES) return new MasterKey(secret);
  throw noKey(
    `${option} is no key of ${KEY_BYTES} bytes`,
    'Set it to what "openssl rand -base64 32" prints.',
  );
}

function noKey(what: string, hint = `Restore ${MASTER_KEY_FILE_NAME} from a backup.`): ConfigurationError {
  return new ConfigurationError(
    'MR_PRIVACY_MASTER_KEY',
    `The vault of pseudonyms can't be opened: ${what}.`,
    {
      hint,
    },
  );
}

/** A key that opens nothing of this vault would find nobody in it, and give everybody a new name. */
export function wrongKey(keys: MasterKeys, needed: string): ConfigurationError {
  const isFile = keys.source !== 'privacy.masterKey';
  return new ConfigurationError(
    'MR_PRIVACY_MASTER_KEY',
    `The vault on the log is sealed under master key ${needed}, which ${keys.source} does not hold.`,
    {
      hint: `${isFile ? 'Restore it from a backup, or set' : 'Set'} privacy.masterKey to the master key of this log; during a rotation, privacy.nextMasterKey too.`,
    },
  );
}

/** The key of the file, made where there is none: by one process, however many come at once. Undefined: no such key. */
export function keyAt(path: string, { mayMake }: { readonly mayMake: boolean }): Buffer | undefined {
  const known = read(path);
  if (known !== undefined || !mayMake) return known;
  const aside = `${path}.${randomUUID()}`;
  writeDurably(aside, randomBytes(KEY_BYTES));
  try {
    // Unlike a rename it fails where another process was quicker, whose key then counts.
    linkSync(aside, path);
    syncDirectory(dirname(path));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    unlinkSync(aside);
  }
  return read(path);
}

function read(path: string): Buffer | undefined {
  try {
    const bytes = readFileSync(path);
    return bytes.length === KEY_BYTES ? bytes : undefined;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function writeDurably(path: string, bytes: Buffer): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
