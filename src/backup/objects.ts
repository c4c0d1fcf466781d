import { createHash, randomBytes } from 'node:crypto';
import { failpoint, RetryableError } from '#platform';
import type { ObjectStore } from '#storage';
import { damaged } from './damage.ts';
import type { Sealing } from './sealing.ts';

/** An object as a manifest names it: by these an object is held against what was written, without the key. */
export type ObjectRef = { readonly name: string; readonly bytes: number; readonly sha256: string };

/** The sealed objects of a backup. */
export class Objects {
  readonly store: ObjectStore;
  readonly sealing: Sealing;
  /** Tells the objects of this process from those that one before it has left without a manifest. */
  readonly #run = randomBytes(8).toString('hex');
  #written = 0;

  constructor(store: ObjectStore, sealing: Sealing) {
    this.store = store;
    this.sealing = sealing;
  }

  /** Writes an object under a name that no other has. Errors: those of the place. */
  async write(folder: string, content: Uint8Array): Promise<ObjectRef> {
    const name = `${folder}/${this.#run}-${this.#written++}`;
    const ref = await this.put(name, content);
    if (ref === undefined) throw conflict(this.store.name, name);
    return ref;
  }

  /** Writes content once, however often it is given. Errors: MR_BACKUP_DAMAGED where what is there is not it. */
  async writeContent(folder: string, content: Uint8Array): Promise<ObjectRef> {
    const hash = this.sealing.nameOf(content);
    const name = `${folder}/${hash.slice(0, 2)}/${hash}`;
    const ref = await this.put(name, content);
    if (ref !== undefined) return ref;
    const stored = await this.store.get(name);
    if (stored === undefined) throw damaged(name, 'is missing');
    const known = await this.sealing.open(name, stored);
    if (this.sealing.nameOf(known) !== hash) throw damaged(name, 'holds other content than its name says');
    return refOf(name, stored);
  }

  /** Undefined where there is one of that name. */
  async put(name: string, content: Uint8Array): Promise<ObjectRef | undefined> {
    const sealed = await this.sealing.seal(name, content);
    failpoint('backup.object.before');
    const isNew = await this.store.put(name, sealed);
    failpoint('backup.object.after');
    return isNew ? refOf(name, sealed) : undefined;
  }

  /** MR_BACKUP_DAMAGED where it is not what was written. */
  async read(ref: ObjectRef): Promise<Buffer> {
    return this.sealing.open(ref.name, await this.stored(ref));
  }

  /** The same without its content, for which no key is needed. */
  async stored({ name, bytes, sha256 }: ObjectRef): Promise<Buffer> {
    const stored = await this.store.get(name);
    if (stored === undefined) throw damaged(name, 'is missing');
    if (stored.length !== bytes) throw damaged(name, `has ${stored.length} bytes instead of ${bytes}`);
    if (sha256Of(stored) !== sha256) throw damaged(name, 'has another SHA-256 than when it was written');
    return stored;
  }
}

export const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const refOf = (name: string, sealed: Uint8Array): ObjectRef => ({
  name,
  bytes: sealed.length,
  sha256: sha256Of(sealed),
});

export function conflict(place: string, object: string): RetryableError {
  return new RetryableError(
    'MR_BACKUP_CONFLICT',
    `Another process has written ${object} of the backup ${place}.`,
    {
      hint: 'Let one process alone back up to a place.',
    },
  );
}
