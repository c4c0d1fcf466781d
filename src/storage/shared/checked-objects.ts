import { rm } from 'node:fs/promises';
import { FatalError, type Fingerprint, type Metrics } from '#platform';
import type { ObjectStore } from '../port.ts';
import { fingerprintOf } from './object-names.ts';

/** Downloads of an object whose bytes are not those of its name, before that is an error. */
const DOWNLOADS = 3;

/** Reads objects of a store, each held against the SHA-256 in its name. Errors: those of ObjectStore; FatalError MR_STORAGE_OBJECT_WRONG. */
export class CheckedObjects {
  readonly #store: ObjectStore;
  readonly #metrics: Metrics;

  constructor({ store, metrics }: { readonly store: ObjectStore; readonly metrics: Metrics }) {
    this.#store = store;
    this.#metrics = metrics;
  }

  /** The bytes of an object; undefined where there is none. */
  async read(name: string): Promise<Buffer | undefined> {
    for (let downloads = 1; ; downloads++) {
      const bytes = await this.#store.get(name);
      if (bytes === undefined || name.endsWith(`~${fingerprintOf(bytes).sha256}`)) return bytes;
      this.#refuse(name, downloads);
    }
  }

  /** Writes an object to a new file. FatalError MR_STORAGE_OBJECT_MISSING where there is none. */
  async download(object: string, { sha256 }: Fingerprint, to: string): Promise<void> {
    for (let downloads = 1; ; downloads++) {
      const found = await this.#store.download(object, to);
      if (found === undefined) throw missing(this.#store.name, object);
      if (found.sha256 === sha256) return;
      await rm(to);
      this.#refuse(object, downloads);
    }
  }

  /** FatalError MR_STORAGE_OBJECT_WRONG after the last download. */
  #refuse(object: string, downloads: number): void {
    this.#metrics
      .counter(
        'storage_wrong_objects_total',
        'Downloads of the object store that had other bytes than were written.',
      )
      .inc();
    if (downloads < DOWNLOADS) return;
    throw new FatalError(
      'MR_STORAGE_OBJECT_WRONG',
      `${object} in ${this.#store.name} has other bytes than were written: its SHA-256 is not the one in its name.`,
      {
        hint: 'Restore it from a copy of the bucket that option storage names, or from the machine that wrote it.',
      },
    );
  }
}

function missing(store: string, object: string): FatalError {
  return new FatalError('MR_STORAGE_OBJECT_MISSING', `${object} is not in ${store}.`, {
    hint: 'Restore it from a copy of the bucket that option storage names, or from the machine that wrote it.',
  });
}
