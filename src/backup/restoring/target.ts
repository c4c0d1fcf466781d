import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConfigurationError, ifThere, lockDirectory, PARTIAL_PREFIX, sync } from '#platform';

/**
 * A data directory in the making: it lies beside the one that it will be, under a name that nobody opens, until it is whole.
 */
export class RestoreTarget {
  readonly path: string;
  readonly #final: string;
  readonly #release: () => void;

  private constructor(final: string, path: string, release: () => void) {
    this.#final = final;
    this.path = path;
    this.#release = release;
  }

  /** Errors: ConfigurationError MR_RESTORE_OCCUPIED; MR_DATA_LOCKED while another restore makes the same one. */
  static async open(dataDirectory: string): Promise<RestoreTarget> {
    const there = await ifThere(readdir(dataDirectory));
    if (there !== undefined && there.length > 0) {
      throw new ConfigurationError('MR_RESTORE_OCCUPIED', `${dataDirectory} is not empty.`, {
        hint: 'A restore never replaces data: name another directory with --data, or move that one away.',
      });
    }
    const path = join(dirname(dataDirectory), PARTIAL_PREFIX + basename(dataDirectory));
    const lock = lockDirectory(path, 'restore');
    // What an earlier restore has left that was cut off.
    for (const name of await readdir(path)) {
      if (!name.startsWith('lock.')) await rm(join(path, name), { recursive: true, force: true });
    }
    return new RestoreTarget(dataDirectory, path, () => lock.release());
  }

  /** Makes it the data directory, at once. */
  async publish(): Promise<void> {
    for (const each of await readdir(this.path, { recursive: true, withFileTypes: true })) {
      if (each.isDirectory()) await sync(join(each.parentPath, each.name));
    }
    await sync(this.path);
    this.#release();
    await mkdir(dirname(this.#final), { recursive: true });
    await ifThere(rmdir(this.#final));
    await rename(this.path, this.#final);
    await sync(dirname(this.#final));
  }

  async abandon(): Promise<void> {
    this.#release();
    await rm(this.path, { recursive: true, force: true });
  }
}
