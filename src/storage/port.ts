/** Where files are kept that outlive a machine: named objects, each written once, as an object store has them. */
import type { Fingerprint } from '#platform';

/** What an object is made of: bytes, or a file whose hash is known. */
export type Content = Uint8Array | ({ readonly path: string } & Fingerprint);

export type ListedObject = {
  readonly name: string;
  readonly bytes: number;
  /** When it was written last, ms since the epoch, by the store's clock. */
  readonly writtenMs: number;
};

/**
 * Names are paths with `/`, without `.` and `..`. Errors of all calls, besides those of the file system: RetryableError
 * MR_STORAGE_AWAY, MR_STORAGE_FULL; ConfigurationError MR_STORAGE_DENIED, MR_STORAGE_BUCKET, MR_STORAGE_CLOCK; FatalError MR_STORAGE_REFUSED.
 */
export interface ObjectStore {
  /** As it is called in messages. */
  readonly name: string;
  /**
   * Writes an object, durably when it resolves; false, and nothing written, where there is one of that name. It is there
   * whole or not at all. Errors also: RetryableError MR_DISK_FULL.
   */
  put(name: string, content: Content): Promise<boolean>;
  /** As if just written: moves an object's `writtenMs` to now. Nothing where there is none. */
  touch(name: string): Promise<void>;
  /** Undefined where there is none. */
  get(name: string): Promise<Buffer | undefined>;
  /** Writes an object to a new file at `path`, durably, and returns what came; undefined, and no file, where there is none. */
  download(name: string, path: string): Promise<Fingerprint | undefined>;
  /** Those whose names begin with `prefix`, in order. */
  list(prefix: string): Promise<readonly ListedObject[]>;
  /** Does nothing where there is none. */
  remove(name: string): Promise<void>;
  close(): void;
}
