import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type Clock,
  errorCode,
  type Fingerprint,
  fileProblem,
  fingerprint,
  ifThere,
  type Metrics,
  namesIn,
  PARTIAL_PREFIX,
  sync,
} from '#platform';
import type { ListedObject, ObjectStore } from '../port.ts';
import { CheckedObjects } from './checked-objects.ts';
import { asideOf, Copies } from './copies.ts';
import {
  filesIn,
  fingerprintOf,
  LISTING,
  MARKER,
  type NamedFile,
  objectOf,
  splitName,
} from './object-names.ts';

export type SharedFilesOptions = {
  readonly store: ObjectStore;
  readonly dataDirectory: string;
  /** What the data directory may hold of copies. */
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
};

/** A data directory, and the store that it has copies of where there is one. */
export type DataFiles = { readonly dataDirectory: string; readonly files?: SharedFiles | undefined };

export type PublishedFile = { readonly path: string; readonly sha256: string; readonly writtenMs: number };

/** A file that is to be named by an event has that event by then. */
const UNNAMED_MS = 3_600_000;

/**
 * Files of a data directory that other processes need as well: the store has them, the data directory copies of them. Paths
 * are relative to the data directory. An object's name is the path and the SHA-256 of what it holds, so that different files
 * never meet; each is held against it when it is read. Errors of all calls: those of ObjectStore; FatalError
 * MR_STORAGE_OBJECT_MISSING, MR_STORAGE_OBJECT_WRONG.
 */
export class SharedFiles {
  readonly #options: SharedFilesOptions;
  readonly #copies: Copies;
  readonly #objects: CheckedObjects;
  readonly #bringing = new Map<string, Promise<unknown>>();
  #isMarked = false;

  constructor(options: SharedFilesOptions) {
    this.#options = options;
    this.#copies = new Copies(options);
    this.#objects = new CheckedObjects(options);
  }

  /** Puts a file of the data directory into the store; one that is there stays, as if just written. */
  async publishFile(path: string, written?: Fingerprint): Promise<void> {
    const place = this.#place(path);
    const { sha256, bytes } = written ?? (await fingerprint(place));
    const { store } = this.#options;
    const object = objectOf(path, { sha256 });
    await this.#mark();
    if (!(await store.put(object, { path: place, sha256, bytes }))) await store.touch(object);
    await this.#copies.note(path, bytes);
    await this.#copies.evict();
  }

  /**
   * Sees to it that a file is here as it was written; a copy that is damaged is replaced. One that is trusted, as it was
   * checked before, is only looked for.
   */
  async bringFile(path: string, written: Fingerprint, { isTrusted = false } = {}): Promise<void> {
    await this.#once(path, async () => {
      const place = this.#place(path);
      // First, so that it is not evicted after it was looked for.
      await this.#copies.used(path);
      const isHere = isTrusted ? existsSync(place) : (await fileProblem(place, written)) === undefined;
      if (isHere) return;
      await mkdir(dirname(place), { recursive: true });
      const aside = asideOf(place);
      await this.#objects.download(objectOf(path, written), written, aside);
      await this.#copies.note(path, written.bytes);
      await rename(aside, place);
      await sync(dirname(place));
      await this.#copies.evict();
    });
  }

  /** What the store has of a file that belongs to a directory; undefined where it is not there. */
  async read(path: string, written: Fingerprint): Promise<Buffer | undefined> {
    return this.#objects.read(objectOf(path, written));
  }

  /** Removes a file from the store, whatever it held, and its copy here. */
  async removeFile(path: string): Promise<void> {
    for (const { name } of await this.#options.store.list(`${path}~`)) await this.#options.store.remove(name);
    await this.#copies.drop(path);
  }

  /** The files that the store has below a folder, with what they hold. */
  async publishedFiles(folder: string): Promise<readonly PublishedFile[]> {
    return (await this.#options.store.list(`${folder}/`)).map(({ name, writtenMs }) => {
      const [path = '', sha256 = ''] = splitName(name);
      return { path, sha256, writtenMs };
    });
  }

  /**
   * Removes a file that no event names, unless it was written again since it was listed, or within the last hour: a writer
   * may be about to name it. Returns whether it was removed.
   */
  async removeUnnamed({ path, sha256, writtenMs }: PublishedFile): Promise<boolean> {
    const { store, clock } = this.#options;
    const object = objectOf(path, { sha256 });
    const [now] = await store.list(object);
    if (now?.writtenMs !== writtenMs || writtenMs > clock.now() - UNNAMED_MS) return false;
    await store.remove(object);
    return true;
  }

  /** Puts a directory with its files into the store; one that is there stays, as if just written. */
  async publish(directory: string): Promise<void> {
    const { store } = this.#options;
    const files: NamedFile[] = [];
    await this.#mark();
    for (const name of await namesIn(this.#place(directory))) {
      const path = this.#place(`${directory}/${name}`);
      const file = { name, ...(await fingerprint(path)) };
      await store.put(objectOf(`${directory}/${name}`, file), { path, ...file });
      files.push(file);
    }
    const listing = Buffer.from(JSON.stringify(files));
    const object = objectOf(`${directory}/${LISTING}`, fingerprintOf(listing));
    if (!(await store.put(object, listing))) await store.touch(object);
    await this.#copies.note(directory, sizeOf(files));
    await this.#copies.evict();
  }

  /** Puts those directories of `parent` into the store that are no copies of it: of before there was one. */
  async publishOwn(parent: string): Promise<void> {
    const entries = (await ifThere(readdir(this.#place(parent), { withFileTypes: true }))) ?? [];
    for (const each of entries) {
      const directory = `${parent}/${each.name}`;
      const isWhole = each.isDirectory() && !each.name.startsWith(PARTIAL_PREFIX);
      if (isWhole && !(await this.#copies.has(directory))) await this.publish(directory);
    }
  }

  /**
   * Sees to it that a directory is here, and returns whether it is; `isDamaged` replaces the one that is. False, and nothing
   * changed, where the store does not have it whole either.
   */
  async bring(directory: string, { isDamaged = false } = {}): Promise<boolean> {
    return this.#once(directory, async () => {
      const place = this.#place(directory);
      // First, so that it is not evicted after it was looked for.
      await this.#copies.used(directory);
      if (existsSync(place) && !isDamaged) return true;
      const files = await this.#listing(directory);
      if (files === undefined) return existsSync(place);
      try {
        await this.#bringAll(directory, files, isDamaged);
      } catch (error) {
        if (errorCode(error) !== 'MR_STORAGE_OBJECT_MISSING') throw error;
        // It may have been removed meanwhile.
        if ((await this.#listing(directory)) !== undefined) throw error;
        return existsSync(place);
      }
      await this.#copies.evict();
      return true;
    });
  }

  async #bringAll(directory: string, files: readonly NamedFile[], isDamaged: boolean): Promise<void> {
    const place = this.#place(directory);
    const aside = asideOf(place);
    await mkdir(aside, { recursive: true });
    try {
      for (const file of files)
        await this.#objects.download(
          objectOf(`${directory}/${file.name}`, file),
          file,
          join(aside, file.name),
        );
      await sync(aside);
      if (isDamaged) await this.#copies.drop(directory);
      // Before it is there: one without an entry would be put into the store again, also after an erasure elsewhere.
      await this.#copies.note(directory, sizeOf(files));
      await moveUnlessThere(aside, place);
      await sync(dirname(place));
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  }

  /** Removes a directory from the store, whole or not, and its copy here. */
  async remove(directory: string): Promise<void> {
    const objects = await this.#options.store.list(`${directory}/`);
    const isListing = ({ name }: ListedObject) => name.startsWith(`${directory}/${LISTING}~`);
    for (const { name } of objects.toSorted((a, b) => Number(isListing(b)) - Number(isListing(a))))
      await this.#options.store.remove(name);
    await this.#copies.drop(directory);
  }

  /** The names of the directories in `parent` that the store has, also of those that are not whole. */
  async names(parent: string): Promise<readonly string[]> {
    const objects = await this.#options.store.list(`${parent}/`);
    return [...new Set(objects.map(({ name }) => name.slice(parent.length + 1).split('/')[0] ?? ''))];
  }

  /** What the store has of a directory: bytes, and when that was written last; 0 and 0 where it has nothing. */
  async stat(directory: string): Promise<{ readonly bytes: number; readonly writtenMs: number }> {
    const objects = await this.#options.store.list(`${directory}/`);
    return { bytes: sizeOf(objects), writtenMs: Math.max(0, ...objects.map(({ writtenMs }) => writtenMs)) };
  }

  /**
   * Removes copies of what the store does not have any more, such as what an erasure elsewhere removed, and what killed
   * processes have left beside copies. Keeps all where the bucket was lost or replaced.
   */
  async removeOrphans(): Promise<void> {
    await this.#copies.removeAbandoned();
    const { store } = this.#options;
    if ((await store.get(MARKER)) === undefined) return;
    const copies = await this.#copies.all();
    const known = new Set<string>();
    for (const root of new Set(copies.map(({ path }) => path.split('/')[0] ?? ''))) {
      for (const { name } of await store.list(`${root}/`)) {
        const [path] = splitName(name);
        known.add(path).add(dirname(path));
      }
    }
    for (const { path } of copies) if (!known.has(path)) await this.#copies.drop(path);
  }

  close(): void {
    this.#options.store.close();
  }

  async #mark(): Promise<void> {
    if (!this.#isMarked) await this.#options.store.put(MARKER, Buffer.alloc(0));
    this.#isMarked = true;
  }

  #place(path: string): string {
    return join(this.#options.dataDirectory, path);
  }

  /** Two that need the same wait for one that brings it. */
  #once<T>(path: string, bring: () => Promise<T>): Promise<T> {
    const known = this.#bringing.get(path) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const bringing = bring().finally(() => this.#bringing.delete(path));
    this.#bringing.set(path, bringing);
    return bringing;
  }

  async #listing(directory: string): Promise<readonly NamedFile[] | undefined> {
    const { store } = this.#options;
    const [object] = (await store.list(`${directory}/${LISTING}~`)).toSorted(
      (a, b) => b.writtenMs - a.writtenMs,
    );
    if (object === undefined) return undefined;
    const bytes = await this.#objects.read(object.name);
    return bytes && filesIn(bytes, object.name, store.name);
  }
}

const sizeOf = (files: readonly { readonly bytes: number }[]) =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);

/** Another process may have brought it meanwhile: then it is the same. */
async function moveUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error;
  }
}
