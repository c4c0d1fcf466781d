import { createHmac, randomBytes, randomUUID, scryptSync, timingSafeEqual } from 'node:crypto';
import { ConfigurationError, failpoint, InputError } from '#platform';
import type { ObjectStore } from '#storage';
import { damaged } from './damage.ts';
import { conflict, sha256Of } from './objects.ts';
import { Sealing } from './sealing.ts';

/** The one object that is not sealed: what is needed to read the others. */
const NAME = 'backup.json';
const FORMAT = 'millrace-backup';
const VERSION = 1;
const SALT_BYTES = 16;

type Description = {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly id: string;
  /** Absent where objects are not encrypted. Hexadecimal: the salt of the passphrase, and what its key makes of a text. */
  readonly encryption?: { readonly salt: string; readonly check: string };
};

/** Whether the place has a backup, complete or not. */
async function isDescribed(store: ObjectStore): Promise<boolean> {
  return (await store.get(NAME)) !== undefined;
}

/**
 * How the objects of the place are sealed. Errors: InputError MR_BACKUP_EMPTY, MR_BACKUP_NEWER; ConfigurationError
 * MR_BACKUP_KEY; FatalError MR_BACKUP_DAMAGED.
 */
export async function openSealing(store: ObjectStore, passphrase: string | undefined): Promise<Sealing> {
  const stored = await store.get(NAME);
  if (stored === undefined) {
    throw new InputError('MR_BACKUP_EMPTY', `There is no backup in ${store.name}.`, {
      hint: 'Name the directory that was given to "millrace backup".',
    });
  }
  const { encryption } = parse(stored, store.name);
  if (encryption === undefined) return new Sealing(undefined);
  if (passphrase === undefined) throw wrongKey(store.name, 'is encrypted, and backup.key is not set');
  const key = keyOf(passphrase, Buffer.from(encryption.salt, 'hex'));
  const check = Buffer.from(encryption.check, 'hex');
  const own = checkOf(key);
  if (check.length !== own.length || !timingSafeEqual(check, own))
    throw wrongKey(store.name, 'is encrypted with another key than backup.key');
  return new Sealing(key);
}

/** For a writer: describes the place where it is new. A key that appeared or went away is refused, too. */
export async function describe(store: ObjectStore, passphrase: string | undefined): Promise<Sealing> {
  if (!(await isDescribed(store))) {
    const salt = randomBytes(SALT_BYTES);
    const encryption = passphrase && {
      salt: salt.toString('hex'),
      check: checkOf(keyOf(passphrase, salt)).toString('hex'),
    };
    const description: Description = {
      format: FORMAT,
      version: VERSION,
      id: randomUUID(),
      ...(encryption && { encryption }),
    };
    if (!(await store.put(NAME, encode(description)))) throw conflict(store.name, NAME);
    failpoint('backup.described');
  }
  if (
    passphrase !== undefined &&
    parse((await store.get(NAME)) as Buffer, store.name).encryption === undefined
  )
    throw wrongKey(store.name, 'is not encrypted, but backup.key is set');
  return openSealing(store, passphrase);
}

function encode(description: Description): Buffer {
  return Buffer.from(`${JSON.stringify({ ...description, sha256: checksum(description) })}\n`);
}

function checksum(description: object): string {
  return sha256Of(Buffer.from(JSON.stringify(description)));
}

function parse(stored: Buffer, place: string): Description {
  let description: Description;
  try {
    const { sha256, ...value } = JSON.parse(stored.toString('utf8')) as Description & { sha256?: string };
    if (sha256 !== checksum(value) || !encode(value).equals(stored)) throw new Error('its checksum is wrong');
    description = value;
  } catch (cause) {
    throw damaged(NAME, 'cannot be read', cause);
  }
  if (description.format !== FORMAT) throw damaged(NAME, 'is of no backup');
  if (description.version > VERSION) {
    throw new InputError(
      'MR_BACKUP_NEWER',
      `The backup ${place} has format ${description.version}, this version knows ${VERSION}.`,
      { hint: 'It was written by a newer version of Millrace: use that one.' },
    );
  }
  return description;
}

const keyOf = (passphrase: string, salt: Buffer) => scryptSync(passphrase, salt, 32);

const checkOf = (key: Buffer) => createHmac('sha256', key).update('millrace backup').digest();

function wrongKey(place: string, what: string): ConfigurationError {
  return new ConfigurationError('MR_BACKUP_KEY', `The backup ${place} ${what}.`, {
    hint: 'Set backup.key (MILLRACE_BACKUP_KEY) to what it was when the backup was begun.',
  });
}
