import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { type Clock, ifThere, type Metrics, namesIn, namingFullDisk, PARTIAL_PREFIX } from '#platform';
import type { ObjectStore } from '../port.ts';

/** The folder of the data directory that says what in it is a copy of the store's. */
const COPIES_DIRECTORY = 'copies';
/** What was used within this time is being read, maybe, by another process or by a query of many files. */
const KEPT_MS = 600_000;
/** What nothing was written to for this long belongs to a process that was killed: requests are given up much sooner. */
const ABANDONED_MS = 3_600_000;
const ASIDE_PREFIX = `${PARTIAL_PREFIX}copy-`;

type Environment = {
  readonly store: Pick<ObjectStore, 'name'>;
  readonly dataDirectory: string;
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
};

type Copy = { readonly path: string; readonly bytes: number; readonly usedMs: number };

/** Where what is to be at `place` is written, or what was there is removed. */
export function asideOf(place: string): string {
  return join(dirname(place), `${ASIDE_PREFIX}${basename(place)}-${randomUUID()}`);
}

/**
 * The files and directories of a data directory that the store has as well, so that they may go and be brought again. Each
 * has an entry with its size and the name of the store, whose time is when it was used last. What has none, or one of another
 * store, is no copy and is never removed.
 */
export class Copies {
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** A path, relative to the data directory, is a copy from now on. Errors: RetryableError MR_DISK_FULL. */
  async note(path: string, bytes: number): Promise<void> {
    const entry = this.#entry(path);
    const { store, dataDirectory } = this.#environment;
    try {
      await mkdir(dirname(entry), { recursive: true });
      await writeFile(entry, `${bytes} ${store.name}`);
    } catch (error) {
      throw namingFullDisk(error, dataDirectory);
    }
    await this.used(path);
  }

  async used(path: string): Promise<void> {
    const now = new Date(this.#environment.clock.now());
    await ifThere(utimes(this.#entry(path), now, now));
  }

  async has(path: string): Promise<boolean> {
    return (await this.#bytesOf(this.#entry(path))) !== undefined;
  }

  /** Removes a copy. */
  async drop(path: string): Promise<void> {
    const place = join(this.#environment.dataDirectory, path);
    const aside = asideOf(place);
    // Out of its place first: a directory is there whole or not at all.
    await ifThere(rename(place, aside));
    // Soon after: another process that brings it meanwhile makes another entry.
    await rm(this.#entry(path), { force: true });
    await rm(aside, { recursive: true, force: true });
  }

  async all(): Promise<readonly Copy[]> {
    const root = join(this.#environment.dataDirectory, COPIES_DIRECTORY);
    const found = (await ifThere(readdir(root, { recursive: true, withFileTypes: true }))) ?? [];
    const copies: Copy[] = [];
    for (const each of found.filter((entry) => entry.isFile())) {
      const entry = join(each.parentPath, each.name);
      const path = relative(root, entry).replaceAll(sep, '/');
      const [bytes, usedMs] = [await this.#bytesOf(entry), await this.#usedMs(path)];
      // A process that was killed may have made the entry alone.
      if (bytes !== undefined && existsSync(join(this.#environment.dataDirectory, path)))
        copies.push({ path, bytes, usedMs });
    }
    return copies;
  }

  /** Removes those used longest ago until the rest is within the limit. */
  async evict(): Promise<void> {
    const { limitBytes, clock, metrics } = this.#environment;
    const copies = await this.all();
    let total = copies.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { path, bytes, usedMs } of copies.toSorted((a, b) => a.usedMs - b.usedMs)) {
      if (total <= limitBytes || usedMs > clock.now() - KEPT_MS) break;
      // It may be in use since all were looked at.
      if ((await this.#usedMs(path)) !== usedMs) continue;
      await this.drop(path);
      total -= bytes;
      metrics
        .counter('storage_evictions_total', 'Copies of the object store that were removed for want of room.')
        .inc();
    }
    metrics
      .gauge('storage_copies_bytes', 'Bytes of the object store that the data directory has copies of.')
      .set(total);
  }

  /** Removes what killed processes have left beside copies. */
  async removeAbandoned(): Promise<void> {
    const { dataDirectory, clock } = this.#environment;
    for (const folder of new Set((await this.all()).map(({ path }) => dirname(join(dataDirectory, path))))) {
      for (const name of await namesIn(folder)) {
        const aside = join(folder, name);
        if (name.startsWith(ASIDE_PREFIX) && (await newestMs(aside)) < clock.now() - ABANDONED_MS)
          await rm(aside, { recursive: true, force: true });
      }
    }
  }

  /** What the entry says; undefined where there is none of this store. */
  async #bytesOf(entry: string): Promise<number | undefined> {
    const text = (await ifThere(readFile(entry, 'utf8'))) ?? '';
    const [, bytes, name] = /^(\d+) (.*)$/s.exec(text) ?? [];
    return name === this.#environment.store.name ? Number(bytes) : undefined;
  }

  async #usedMs(path: string): Promise<number> {
    return (await ifThere(stat(this.#entry(path))))?.mtimeMs ?? 0;
  }

  #entry(path: string): string {
    return join(this.#environment.dataDirectory, COPIES_DIRECTORY, path);
  }
}

/** When something of a file or a directory was written last; never where it is gone. */
async function newestMs(path: string): Promise<number> {
  const within = ((await ifThere(readdir(path))) ?? []).map((name) => join(path, name));
  const times = await Promise.all(
    [path, ...within].map(async (each) => (await ifThere(stat(each)))?.mtimeMs ?? 0),
  );
  return Math.max(...times);
}
